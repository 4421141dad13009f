/** The command line as a user has it, in a process of its own, with its answer as JSON. */
import { execa } from "execa";

const CLI = new URL("../../apps/cli/bin/run.js", import.meta.url).pathname;

/**
 * What a command answered: what its JSON holds depends on the command.
 *
 * @typedef {{ result?: ReturnType<typeof JSON.parse>, error?: { code?: string, message?: string }, exitCode?: number | undefined }} Answer
 */

/** `result` where the command had one (a `no` has), else `error`. @returns {Promise<Answer>} */
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

/** Why a command rejected, without paths. */
export function reasonOf(/** @type {Answer} */ { error, exitCode }) {
  return `${error?.code ?? `exit ${exitCode}`}: ${(error?.message ?? "").replaceAll(/\/\S+\//gu, "")}`;
}
