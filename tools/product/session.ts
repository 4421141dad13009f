/** A user's terminal: bash commands in one folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { printTime } from "../lib/steps.js";

export interface BashOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called with all of standard error so far. `interrupt` ends the process. */
  readonly onStderr?: (said: string, interrupt: () => void) => void;
}

/** The output of a command, and its exit code. */
export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs bash and collects what it prints. */
export async function bash(script: string, { cwd, env, onStderr }: BashOptions): Promise<Done> {
  const child = spawn("bash", ["-eo", "pipefail", "-c", script], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // A group of its own, which is interrupted as a whole, as by a terminal or a CI runner.
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    onStderr?.(stderr, () => process.kill(-child.pid!, "SIGINT"));
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals];
  // The exit code of a program that a signal ended, as a shell reports it.
  return { code: code ?? 128 + constants.signals[signal], stdout, stderr };
}

/** Runs bash, and prints how long it took. @returns its standard output @throws Error if the exit code is not 0 */
export async function run(script: string, options: BashOptions): Promise<string> {
  const start = performance.now();
  const { code, stdout, stderr } = await bash(script, options);
  printTime(start, script.split("\n", 1)[0]!);
  if (code !== 0) throw new Error(`${script}\nexit code ${code}\n${stdout}${stderr}`);
  return stdout;
}
