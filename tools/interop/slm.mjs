/** The command line as a user has it, in a process of its own, with its answer as JSON. */
import { execa } from "execa";

const CLI = new URL("../../apps/cli/bin/run.js", import.meta.url).pathname;

/** `result` where the command had one (a `no` has), else `error`. */
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
export function reasonOf({ error, exitCode }) {
  return `${error?.code ?? `exit ${exitCode}`}: ${(error?.message ?? "").replaceAll(/\/\S+\//gu, "")}`;
}
