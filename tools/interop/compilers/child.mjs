/** A compiler in a child process with a time limit, which is started again if it ends. */
import { spawn } from "node:child_process";
import { open, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CPU } from "./verdicts.mjs";

/** Time limit for one graph [ms]. */
const TIME_LIMIT = 300_000;

/**
 * How to start a compiler. If `isLogged`, its messages are written to a log.
 *
 * @typedef {{ command: string, args: string[], environment: Record<string, string>, isLogged?: boolean }} Start
 *
 * @typedef {import("./verdicts.mjs").CompilerAnswer} CompilerAnswer
 */

/** Starts the compiler once for many graphs, and again if the process ended or ran too long. */
export class Child {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;
  /** @type {AsyncIterator<string> | undefined} */
  #lines;
  /** @type {string | undefined} */
  #log;
  /** Number of graphs that the process has compiled. */
  #compiled = 0;

  constructor(
    /** @type {Start} */ { command, args, environment, isLogged = false },
    /** @type {string} */ folder,
  ) {
    this.#log = isLogged ? join(folder, "compiler.log") : undefined;
    this.start = async () => {
      // Opened for appending, so that a write after truncation starts at the beginning.
      const log = this.#log === undefined ? undefined : await open(this.#log, "a");
      const child = spawn(command, args, {
        stdio: ["pipe", "pipe", log?.fd ?? "ignore"],
        env: { ...process.env, ...environment, OMP_NUM_THREADS: "1" },
      });
      await log?.close();
      this.#process = child;
      if (child.stdin === null || child.stdout === null) throw new Error(`${command}: no pipes`);
      child.stdin.on("error", () => undefined); // The process has ended; its answer says so.
      this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    };
  }

  /** A line of JSON; "late" after the time limit, undefined if the process ended. */
  async #line(/** @type {number} */ limit) {
    const lines = this.#lines;
    if (lines === undefined) return undefined;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    /** @type {Promise<"late">} */
    const late = new Promise((resolve) => (timer = setTimeout(resolve, limit, "late")));
    // A vendor's library may print other lines.
    for (;;) {
      const got = await Promise.race([lines.next(), late]);
      if (got === "late" || got.done) {
        clearTimeout(timer);
        return got === "late" ? "late" : undefined;
      }
      if (got.value.startsWith("{")) {
        clearTimeout(timer);
        return JSON.parse(got.value);
      }
    }
  }

  /** @returns {Promise<CompilerAnswer>} */
  async ask(/** @type {string} */ path) {
    if (this.#process === undefined) {
      await this.start();
      const ready = await this.#line(TIME_LIMIT);
      if (ready?.ready === undefined)
        throw new Error(`the compiler does not start: ${JSON.stringify(ready)}`);
    }
    if (this.#log !== undefined) await truncate(this.#log);
    this.#compiled += 1;
    this.#process?.stdin?.write(`${JSON.stringify({ path })}\n`);
    const answer = await this.#line(TIME_LIMIT);
    if (typeof answer === "object") return this.#log === undefined ? answer : this.#logged(answer);
    const isFirst = this.#compiled === 1;
    await this.close();
    if (answer === "late")
      return { whole: false, nodes: {}, error: `took longer than ${TIME_LIMIT / 1000} s` };
    // An earlier graph can damage the process, so only a fresh process counts.
    return isFirst ? { whole: false, nodes: {}, error: "ended the compiler's process" } : this.ask(path);
  }

  /** An answer with the placements from the log. */
  async #logged(/** @type {CompilerAnswer} */ answer) {
    const nodes = placementsIn(await readFile(this.#log ?? "", "utf8"));
    const providers = Object.values(nodes);
    const whole = answer.error === undefined && providers.length > 0 && !providers.includes(CPU);
    return { ...answer, whole, nodes };
  }

  async close() {
    const child = this.#process;
    this.#process = undefined;
    this.#compiled = 0;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

// Placements in ONNX Runtime's log with severity VERBOSE.
const PART = /Node\(s\) placed on \[(\w+)\]/u;
const ALL = /All nodes placed on \[(\w+)\]/u;
const NODE = /VerifyEachNodeIsAssignedToAnEp\] {3}\S+ \((.*)\)$/u;

/** Nodes by name; `*` if the log only says that all nodes are on one provider. */
function placementsIn(/** @type {string} */ log) {
  /** @type {Record<string, string>} */
  const nodes = {};
  let provider;
  for (const line of log.split("\n")) {
    const all = ALL.exec(line)?.[1];
    if (all !== undefined) nodes["*"] = all;
    provider = PART.exec(line)?.[1] ?? provider;
    const name = NODE.exec(line)?.[1];
    if (name !== undefined && provider !== undefined) nodes[name] = provider;
  }
  return nodes;
}
