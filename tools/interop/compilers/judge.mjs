/** Asks a compiler about graphs, each in a child process with a time limit. Answers are kept by content, compiler and version. */
import { spawn } from "node:child_process";
import { appendFile, mkdir, open, readFile, truncate } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { CACHE, pythonOf } from "./cache.mjs";
import { placementsIn } from "./placements.mjs";
import { CPU } from "./verdicts.mjs";
import { softwareAdapter } from "./software-adapter.mjs";

const HELPER = join(import.meta.dirname, "compile.py");

const WEBGPU = join(import.meta.dirname, "compile-webgpu.mjs");
const ORT = createRequire(import.meta.url)("onnxruntime-node/package.json");

/** Longest time that one graph may take [ms]. */
const TIME_LIMIT = 120_000;

/**
 * Each compiler: the target of the profile it judges, the command that compiles, the packages whose versions an answer depends on, and the
 * probes it is not asked about.
 */
export const COMPILERS = {
  qnn: {
    target: "npu",
    start: () => withPython(["qnn", "60"]),
    packages: ["onnxruntime", "onnxruntime-qnn"],
    detail: "soc 60, offload_graph_io_quantization 0",
  },
  webgpu: {
    target: "web",
    start: async () => ({
      command: "node",
      args: [WEBGPU],
      environment: await softwareAdapter(),
      isLogged: true,
    }),
    packages: [],
    detail: `onnxruntime-node ${ORT.version}, SwiftShader`,
    // It has no operators that are quantized as a whole.
    skips: /^\S+ (?:base|use \d+|rank \d+) u?int\d+-/u,
  },
};

async function withPython(/** @type {string[]} */ args, environment = {}) {
  return { command: await pythonOf(), args: [HELPER, ...args], environment };
}

/** Whether a compiler is asked about a graph of the corpus. */
export function isAsked(/** @type {string} */ name, row) {
  return row.group !== "probes" || COMPILERS[name].skips?.test(row.name) !== true;
}

/** Starts the compiler once for many graphs; a new process where one ended or ran too long. */
class Child {
  #process;
  #lines;

  #log;

  constructor({ command, args, environment, isLogged = false }, /** @type {string} */ folder) {
    this.#log = isLogged ? join(folder, "compiler.log") : undefined;
    this.start = async () => {
      // Appending, so that a write after the file was emptied begins at its start.
      const log = this.#log === undefined ? undefined : await open(this.#log, "a");
      this.#process = spawn(command, args, {
        stdio: ["pipe", "pipe", log?.fd ?? "ignore"],
        env: { ...process.env, ...environment, OMP_NUM_THREADS: "1" },
      });
      await log?.close();
      this.#process.stdin.on("error", () => undefined); // Of a process that ended; its answer says so.
      this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    };
  }

  async #line(/** @type {number} */ limit) {
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, limit, "late")));
    // A vendor's library may print lines of its own.
    for (;;) {
      const got = await Promise.race([this.#lines.next(), late]);
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

  async ask(path) {
    if (this.#process === undefined) {
      await this.start();
      const ready = await this.#line(TIME_LIMIT);
      if (ready?.ready === undefined)
        throw new Error(`the compiler does not start: ${JSON.stringify(ready)}`);
    }
    if (this.#log !== undefined) await truncate(this.#log);
    this.#process.stdin.write(`${JSON.stringify({ path })}\n`);
    const answer = await this.#line(TIME_LIMIT);
    if (typeof answer === "object") return this.#log === undefined ? answer : this.#logged(answer);
    const error =
      answer === "late" ? `takes more than ${TIME_LIMIT / 1000} s` : "ends the process that compiles it";
    await this.close();
    return { whole: false, nodes: {}, error };
  }

  /** An answer with the placements that the log tells. */
  async #logged(answer) {
    const nodes = placementsIn(await readFile(this.#log, "utf8"));
    const providers = Object.values(nodes);
    const whole = answer.error === undefined && providers.length > 0 && !providers.includes(CPU);
    return { ...answer, whole, nodes };
  }

  async close() {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

/** Versions of what is installed, by package. */
async function versionsOf() {
  const { stdout } = await execa(await pythonOf(), [HELPER, "versions"]);
  return JSON.parse(stdout);
}

/** A compiler with its versions in words. */
export async function describeCompiler(/** @type {string} */ name) {
  return describe(COMPILERS[name]);
}

async function describe({ packages, detail }) {
  const versions = await versionsOf();
  return [...packages.map((id) => `${id} ${versions[id]}`), detail].join(", ");
}

/** What the compiler says about each row of the corpus, by its hash: {whole, nodes, error?}. */
export async function judge(/** @type {string} */ name, rows) {
  const compiler = COMPILERS[name];
  const described = await describe(compiler);
  const file = join(CACHE, "answers", `${described.replaceAll(/[^\w.-]+/gu, "_")}.jsonl`);
  await mkdir(join(CACHE, "answers"), { recursive: true });
  const known = new Map();
  for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n").filter(Boolean)) {
    const { hash, ...answer } = JSON.parse(line);
    known.set(hash, answer);
  }
  const missing = rows.filter(({ hash }) => !known.has(hash));
  const child = new Child(await compiler.start(), CACHE);
  let done = 0;
  for (const { hash, path } of missing) {
    if (known.has(hash)) continue;
    const answer = await child.ask(path);
    known.set(hash, answer);
    await appendFile(file, `${JSON.stringify({ hash, ...answer })}\n`);
    done += 1;
    if (done % 500 === 0) process.stderr.write(`${described}: ${done} of ${missing.length} graphs\n`);
  }
  await child.close();
  return known;
}
