/** Runs the programs of `processors.mjs`. They end when it ends. */
import { execa } from "execa";

/** Time limit for one program [ms]. Under emulation, a hang cannot be distinguished from slowness. */
const LIMIT_MS = 1_800_000;

/**
 * Runs a program without core dumps, which QEMU writes for its guests.
 *
 * @throws Error with the end of the output if the program fails, unless `mayFail`, and always if a signal ended it
 */
export async function execute(
  /** @type {readonly string[]} */ command,
  /** @type {{ cwd?: string, env?: Record<string, string>, mayFail?: boolean }} */
  { cwd, env = {}, mayFail = false },
) {
  const options = { env, timeout: LIMIT_MS, reject: false, maxBuffer: 2 ** 28, ...(cwd && { cwd }) };
  const done = await execa("/bin/sh", ["-c", 'ulimit -c 0; exec "$@"', "sh", ...command], options);
  if (!done.failed || (mayFail && done.exitCode !== undefined)) return done;
  throw new Error(`${done.shortMessage}\n${`${done.stdout}\n${done.stderr}`.trim().slice(-2000)}`);
}
