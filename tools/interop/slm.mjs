/** Runs the command line in a separate process and parses its JSON output. */
import { execa } from "execa";

const CLI = new URL("../../apps/cli/bin/run.js", import.meta.url).pathname;

/**
 * The output of a command. Its fields depend on the command.
 *
 * @typedef {{ result?: ReturnType<typeof JSON.parse>, error?: { code?: string, message?: string }, exitCode?: number | undefined }} Answer
 */

/** `result` if the command has one (also with exit code 3), otherwise `error`. @returns {Promise<Answer>} */
export async function slm(/** @type {string[]} */ args) {
  const { stdout, stderr, exitCode } = await execa("node", [CLI, ...args], {
    reject: false,
    env: { NO_COLOR: "1" },
    maxBuffer: 2 ** 28,
  });
  try {
    const { result, error } = JSON.parse(stdout);
    return { result, error, exitCode };
  } catch {
    return { error: { message: (stderr || stdout).trim().split("\n")[0] ?? "" }, exitCode };
  }
}

/** The reason of a rejection, without paths. */
export function reasonOf(/** @type {Answer} */ { error, exitCode }) {
  return `${error?.code ?? `exit ${exitCode}`}: ${(error?.message ?? "").replaceAll(/\/\S+\//gu, "")}`;
}
