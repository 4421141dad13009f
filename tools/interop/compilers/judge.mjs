/** Asks a compiler about graphs, each in a child process with a time limit. Answers are kept by content, compiler and version. */
import { spawn } from "node:child_process";
import { appendFile, mkdir, open, readFile, truncate } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { CACHE, pythonOf } from "./cache.mjs";
import { CPU } from "./verdicts.mjs";

const HELPER = join(import.meta.dirname, "compile.py");

const WEBGPU = join(import.meta.dirname, "compile-webgpu.mjs");
/** @type {{ version: string }} */
const ORT = createRequire(import.meta.url)("onnxruntime-node/package.json");

/** Longest time that one graph may take [ms]. */
const TIME_LIMIT = 120_000;

/**
 * Each compiler: the target of the profile it judges, the command that compiles, the packages whose versions an answer depends on, and the
 * probes it is not asked about.
 */
/**
 * How a compiler is started: its messages go to a log where `isLogged`.
 *
 * @typedef {{ command: string, args: string[], environment: Record<string, string>, isLogged?: boolean }} Start
 *
 * @typedef {object} Compiler
 * @property {"npu" | "web"} target
 * @property {() => Start | Promise<Start>} start
 * @property {readonly string[]} packages
 * @property {string} detail
 * @property {RegExp} [skips]
 *
 * @typedef {import("./verdicts.mjs").CompilerAnswer} CompilerAnswer
 * @typedef {import("./corpus.mjs").Row} Row
 */

/** @type {Readonly<Record<string, Compiler>>} */
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

/** @returns {Start} */
function withPython(/** @type {string[]} */ args) {
  return { command: pythonOf(), args: [HELPER, ...args], environment: {} };
}

/** Whether a compiler is asked about a graph of the corpus. */
export function isAsked(/** @type {string} */ name, /** @type {Row} */ row) {
  return row.group !== "probes" || COMPILERS[name]?.skips?.test(row.name) !== true;
}

/** Starts the compiler once for many graphs; a new process where one ended or ran too long. */
class Child {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;
  /** @type {AsyncIterator<string> | undefined} */
  #lines;
  /** @type {string | undefined} */
  #log;

  constructor(
    /** @type {Start} */ { command, args, environment, isLogged = false },
    /** @type {string} */ folder,
  ) {
    this.#log = isLogged ? join(folder, "compiler.log") : undefined;
    this.start = async () => {
      // Appending, so that a write after the file was emptied begins at its start.
      const log = this.#log === undefined ? undefined : await open(this.#log, "a");
      const child = spawn(command, args, {
        stdio: ["pipe", "pipe", log?.fd ?? "ignore"],
        env: { ...process.env, ...environment, OMP_NUM_THREADS: "1" },
      });
      await log?.close();
      this.#process = child;
      if (child.stdin === null || child.stdout === null) throw new Error(`${command}: no pipes`);
      child.stdin.on("error", () => undefined); // Of a process that ended; its answer says so.
      this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    };
  }

  /** A line of JSON; "late" after the limit, undefined from a process that ended. */
  async #line(/** @type {number} */ limit) {
    const lines = this.#lines;
    if (lines === undefined) return undefined;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    /** @type {Promise<"late">} */
    const late = new Promise((resolve) => (timer = setTimeout(resolve, limit, "late")));
    // A vendor's library may print lines of its own.
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
    this.#process?.stdin?.write(`${JSON.stringify({ path })}\n`);
    const answer = await this.#line(TIME_LIMIT);
    if (typeof answer === "object") return this.#log === undefined ? answer : this.#logged(answer);
    const error =
      answer === "late" ? `takes more than ${TIME_LIMIT / 1000} s` : "ends the process that compiles it";
    await this.close();
    return { whole: false, nodes: {}, error };
  }

  /** An answer with the placements that the log tells. */
  async #logged(/** @type {CompilerAnswer} */ answer) {
    const nodes = placementsIn(await readFile(this.#log ?? "", "utf8"));
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
/** @returns {Promise<Readonly<Record<string, string>>>} */
async function versionsOf() {
  const { stdout } = await execa(pythonOf(), [HELPER, "versions"]);
  return JSON.parse(stdout);
}

/** A compiler with its versions in words. */
export async function describeCompiler(/** @type {string} */ name) {
  return describe(compilerOf(name));
}

function compilerOf(/** @type {string} */ name) {
  const compiler = COMPILERS[name];
  if (compiler === undefined)
    throw new Error(`no compiler ${name}; known: ${Object.keys(COMPILERS).join(", ")}`);
  return compiler;
}

async function describe(/** @type {Compiler} */ { packages, detail }) {
  const versions = await versionsOf();
  return [...packages.map((id) => `${id} ${versions[id]}`), detail].join(", ");
}

/** What the compiler says about each row of the corpus, by its hash: {whole, nodes, error?}. */
export async function judge(/** @type {string} */ name, /** @type {readonly Row[]} */ rows) {
  const compiler = compilerOf(name);
  const described = await describe(compiler);
  const file = join(CACHE, "answers", `${described.replaceAll(/[^\w.-]+/gu, "_")}.jsonl`);
  await mkdir(join(CACHE, "answers"), { recursive: true });
  /** @type {Map<string, CompilerAnswer>} */
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

/**
 * Environment variables with which WebGPU finds SwiftShader, the software Vulkan device that Debian ships with `chromium`, for machines
 * without a GPU. @throws Error where the package is not installed
 */
async function softwareAdapter() {
  const { stdout } = await execa("dpkg", ["-S", "vk_swiftshader_icd.json"], { reject: false });
  const driver = /: (\S+)$/mu.exec(stdout)?.[1];
  if (driver === undefined)
    throw new Error("WebGPU needs a Vulkan device: apt-get install chromium has a software one");
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: dirname(driver) };
}

// What ONNX Runtime's log of severity VERBOSE says of placements.
const PART = /Node\(s\) placed on \[(\w+)\]/u;
const ALL = /All nodes placed on \[(\w+)\]/u;
const NODE = /VerifyEachNodeIsAssignedToAnEp\] {3}\S+ \((.*)\)$/u;

/** Nodes by name; `*` where the log only says that all nodes lie with one provider. */
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
