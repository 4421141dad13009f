/** Runs the programs of `processors.mjs`, and ends them when it ends. */
import { spawn } from "node:child_process";

/** Time limit for one program [s]. Under emulation, a hang cannot be distinguished from slowness. */
const LIMIT_SECONDS = 1800;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

export function stopAll() {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * Runs a program without core dumps, which QEMU writes for its guests. Returns its output. Throws with the end of the output if the program
 * fails, unless `mayFail`, and always if a signal ended it.
 *
 * @returns {Promise<{ stdout: string, stderr: string, code: number | null }>}
 */
export function execute(
  /** @type {readonly string[]} */ [program = "", ...args],
  /** @type {{ cwd?: string, env?: Record<string, string>, mayFail?: boolean }} */
  { cwd, env = {}, mayFail = false },
) {
  return new Promise((done, failed) => {
    const child = spawn("/bin/sh", ["-c", 'ulimit -c 0; exec "$@"', "sh", program, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_SECONDS * 1000);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", failed);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      if (code === 0 || (mayFail && signal === null)) return done({ stdout, stderr, code });
      const end = `${stdout}\n${stderr}`.trim().slice(-2000);
      return failed(new Error(`${[program, ...args].join(" ")}: ended with ${signal ?? code}\n${end}`));
    });
  });
}
