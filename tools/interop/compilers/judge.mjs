/** Compiles graphs in a child process with a time limit. Answers are cached by content, compiler and version. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { CACHE, pythonOf } from "./cache.mjs";
import { Child } from "./child.mjs";
import { openvinoNpu, OPENVINO_VERSION } from "./openvino-npu.mjs";
import { wasRead } from "./verdicts.mjs";

const HELPER = join(import.meta.dirname, "compile.py");

const WEBGPU = join(import.meta.dirname, "compile-webgpu.mjs");
/** @type {{ version: string }} */
const ORT = createRequire(import.meta.url)("onnxruntime-node/package.json");

/** Platform of Core Ultra 200V, "Lunar Lake". The NPU of Core Ultra 100, "Meteor Lake", is 3720. */
export const NPU_PLATFORM = "4000";

/**
 * @typedef {object} Options
 * @property {string} platform of Intel's NPU
 */

/**
 * A compiler: the target of its profile, the command that compiles, the packages that its answers depend on, and the probes to skip.
 * A compiler that reads ONNX files without ONNX Runtime `isAlone`; it compiles only files that ONNX Runtime can read.
 *
 * @typedef {object} Compiler
 * @property {"npu" | "web"} target
 * @property {(options: Options) => import("./child.mjs").Start | Promise<import("./child.mjs").Start>} start
 * @property {readonly string[]} packages
 * @property {(options: Options) => string} detail
 * @property {RegExp} [skips]
 * @property {boolean} [isAlone]
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
    detail: () => "soc 60, offload_graph_io_quantization 0",
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
    detail: () => `onnxruntime-node ${ORT.version}, SwiftShader`,
    // It has no quantized operators.
    skips: /^\S+ (?:base|use \d+|rank \d+) u?int\d+-/u,
  },
  openvino: {
    target: "npu",
    start: ({ platform }) => openvinoNpu(platform),
    packages: [],
    detail: ({ platform }) =>
      `openvino ${OPENVINO_VERSION}, NPU compiler of the Windows wheel, Wine, platform ${platform}`,
    isAlone: true,
    // A graph takes long: other uses and ranks are compiled in float32, QDQ forms with few types of weights. The provider needs static
    // sizes, so operators whose sizes depend on the data are left out.
    skips:
      /^(?:Compress|NonZero|Range) |^\S+ (?:(?:use|rank) \d+ (?!float32$)|base (?!u?int\d+$|float\d+$|bool$|(u?int\d+)-\1$|uint8-int8$|uint16-int8-per-channel$))/u,
  },
};

/** ONNX Runtime's reader, for compilers that do not use it. */
/** @type {Compiler} */
const READER = {
  target: "npu",
  start: () => withPython(["read"]),
  packages: ["onnxruntime"],
  detail: () => "read",
};

function withPython(/** @type {string[]} */ args) {
  return { command: pythonOf(), args: [HELPER, ...args], environment: {} };
}

/** Whether to compile a graph of the corpus with a compiler. */
export function isAsked(/** @type {string} */ name, /** @type {Row} */ row) {
  return row.group !== "probes" || COMPILERS[name]?.skips?.test(row.name) !== true;
}

/** Versions of the installed packages. */
/** @returns {Promise<Readonly<Record<string, string>>>} */
async function versionsOf() {
  const { stdout } = await execa(pythonOf(), [HELPER, "versions"]);
  return JSON.parse(stdout);
}

/** A compiler and its versions as a text. */
export async function describeCompiler(/** @type {string} */ name, /** @type {Options} */ options) {
  return describe(compilerOf(name), options);
}

function compilerOf(/** @type {string} */ name) {
  const compiler = COMPILERS[name];
  if (compiler === undefined)
    throw new Error(`no compiler ${name}; known: ${Object.keys(COMPILERS).join(", ")}`);
  return compiler;
}

async function describe(/** @type {Compiler} */ { packages, detail }, /** @type {Options} */ options) {
  const versions = await versionsOf();
  return [...packages.map((id) => `${id} ${versions[id]}`), detail(options)].join(", ");
}

/** The compiler's answer for each row of the corpus, by its hash: {whole, nodes, error?}. */
export async function judge(
  /** @type {string} */ name,
  /** @type {readonly Row[]} */ rows,
  /** @type {Options} */ options,
) {
  const compiler = compilerOf(name);
  if (compiler.isAlone !== true) return ask(compiler, rows, options);
  const read = await ask(READER, rows, options);
  const isRead = (/** @type {Row} */ { hash }) => wasRead(read.get(hash) ?? {});
  return new Map([...read, ...(await ask(compiler, rows.filter(isRead), options))]);
}

async function ask(
  /** @type {Compiler} */ compiler,
  /** @type {readonly Row[]} */ rows,
  /** @type {Options} */ options,
) {
  const described = await describe(compiler, options);
  const file = join(CACHE, "answers", `${described.replaceAll(/[^\w.-]+/gu, "_")}.jsonl`);
  await mkdir(join(CACHE, "answers"), { recursive: true });
  /** @type {Map<string, CompilerAnswer>} */
  const known = new Map();
  for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n").filter(Boolean)) {
    const { hash, ...answer } = JSON.parse(line);
    known.set(hash, answer);
  }
  const missing = rows.filter(({ hash }) => !known.has(hash));
  const child = new Child(await compiler.start(options), CACHE);
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
 * Environment variables with which WebGPU finds SwiftShader, the software Vulkan device in Debian's `chromium`, for machines without a GPU.
 * @throws Error if the package is not installed
 */
async function softwareAdapter() {
  const { stdout } = await execa("dpkg", ["-S", "vk_swiftshader_icd.json"], { reject: false });
  const driver = /: (\S+)$/mu.exec(stdout)?.[1];
  if (driver === undefined)
    throw new Error("WebGPU needs a Vulkan device; 'apt-get install chromium' installs a software device");
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: dirname(driver) };
}
