/** A program that answers prompts: its time, processor time and memory, as the kernel counts them. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** Longest time for a number of passes, loading included. */
const LIMIT_MS = 120_000;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/** The cost of a number of passes over all prompts. */
export interface Pass {
  readonly wallMs: number;
  /** Of all threads. */
  readonly cpuMs: number;
  readonly answers: readonly (readonly number[])[];
}

export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor({ program, args, cwd }: Command) {
    this.#child = spawn(program, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** @throws Error if the program ended, or did not answer in {@link LIMIT_MS} */
  async pass(passes: number): Promise<Pass> {
    const cpu = this.#cpuMs();
    const start = performance.now();
    this.#child.stdin!.write(`${passes}\n`);
    const line = await Promise.race([this.#lines.next(), sleep(LIMIT_MS, undefined, { ref: false })]);
    const wallMs = performance.now() - start;
    if (line === undefined) throw new Error(`no answer in ${LIMIT_MS / 1000} s`);
    if (line.done === true) throw new Error(`it ended with code ${this.#child.exitCode}`);
    return { wallMs, cpuMs: this.#cpuMs() - cpu, answers: JSON.parse(line.value) as number[][] };
  }

  /** Largest resident memory so far [bytes]. */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return 1024 * Number(/^VmHWM:\s*(\d+)/mu.exec(status)?.[1]);
  }

  close(): void {
    this.#child.kill("SIGKILL"); // Threads of some runtimes keep the process.
  }

  #cpuMs(): number {
    const tasks = `/proc/${this.#child.pid}/task`;
    const nanoseconds = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, "utf8"));
    return nanoseconds.reduce((sum, text) => sum + Number(text.split(" ")[0]), 0) / 1e6;
  }
}
