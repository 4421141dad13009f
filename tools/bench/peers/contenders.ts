/** What runs a small model: the program that answers, and the files that it needs. Each reads the same weights in its own format. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildSync, type BuildOptions } from "esbuild";
import { python } from "../../interop/reference/side-by-side/harness.mjs";
import {
  LLAMA_CPP,
  LLAMA_CPP_BUILD,
  RUNTIMES,
} from "../../interop/reference/side-by-side/python-packages.mjs";
import type { PeerModel, Weights } from "./models.js";
import type { Job } from "./node-worker.js";
import type { Command } from "./process.js";

export interface Contender {
  readonly name: string;
  /** Whether its float32 answers must be those of transformers. */
  readonly isExact: boolean;
  readonly codeBytes: number;
  readonly weightBytes: number;
  /** Numbers of threads that it can use. */
  readonly threads: readonly number[];
  /** @param at folder for the job's file */
  readonly command: (prompts: Job["prompts"], threads: number, at: string) => Command;
}

type Kind = "c" | "wasm" | "slm" | "node" | "web" | "transformers" | "ctranslate2" | "llama" | "iree";

interface Runtime {
  readonly title: string;
  /** What it can run. */
  readonly weights: readonly Weights[];
  /** Path of the model in the folder of a {@link PeerModel}. */
  readonly model: (weights: Weights) => string;
  readonly threads: readonly number[];
  /** Files of code that an application ships. */
  readonly code: (model: string) => readonly string[];
  readonly command: (kind: Kind, model: string, jobFile: string) => Command;
}

const ROOT = join(import.meta.dirname, "../../..");
const modules = (path: string): string => join(ROOT, "node_modules", path);
const bundles = modules(".cache/slm-peers");

/** Bundles a module, so that a start loads no more files than that of a packed application. @returns its path */
function bundle(name: string, entry: string, options: BuildOptions = {}): string {
  const outfile = join(bundles, name);
  const settings = { bundle: true, format: "esm", platform: "node", logLevel: "error" } as const;
  buildSync({ ...settings, absWorkingDir: ROOT, entryPoints: [entry], outfile, ...options });
  return outfile;
}

const inNode: Runtime["command"] = (kind, _, jobFile) => {
  const worker = bundle("worker.mjs", join(import.meta.dirname, "node-worker.ts"), { packages: "external" });
  return { program: process.execPath, args: [worker, kind, jobFile] };
};

const inPython =
  (interpreter: () => string): Runtime["command"] =>
  (kind, _, jobFile) => ({
    program: interpreter(),
    args: [join(import.meta.dirname, "worker.py"), kind, jobFile],
  });

const runtimes = (): string => python(RUNTIMES);
const llama = (): string => python(LLAMA_CPP, LLAMA_CPP_BUILD);
/** Shared libraries of a Python package: files below `lib/python3.*`/site-packages. */
const libraries = (interpreter: string, folder: string): readonly string[] =>
  filesIn(join(dirname(interpreter), "../lib")).filter(
    (file) => file.includes(`site-packages/${folder}/`) && /\.so(?:\.\d+)*$/u.test(file),
  );

const nodeCode = (): readonly string[] =>
  filesIn(modules("onnxruntime-node/bin")).filter((file) => file.includes("linux/x64"));

const BOTH = ["float32", "int8"] as const;

const KINDS: Readonly<Record<Kind, Runtime>> = {
  c: {
    title: "slm, C",
    weights: ["float32", "int8", "int4"],
    model: (weights) => `c-${weights}`,
    threads: [1],
    code: (model) => [join(model, "main")],
    command: (_, model, jobFile) => ({ program: join(model, "main"), args: [`${jobFile}.txt`], cwd: model }),
  },
  wasm: {
    title: "slm, WebAssembly",
    weights: BOTH,
    model: (weights) => `web/portable.${weights}.bin`,
    threads: [1],
    code: () => [
      join(ROOT, "packages/c-export/kernels/kernels.wasm"),
      bundle("portable.mjs", "@slm/c-export/portable", { minify: true }),
    ],
    command: inNode,
  },
  slm: {
    title: "slm, ONNX Runtime",
    weights: BOTH,
    model: (weights) => `onnx-${weights}`,
    threads: [1, 2],
    code: nodeCode,
    command: inNode,
  },
  node: {
    title: "onnxruntime-node",
    weights: BOTH,
    model: (weights) => `onnx-${weights}`,
    threads: [1, 2],
    code: nodeCode,
    command: inNode,
  },
  web: {
    title: "onnxruntime-web",
    weights: BOTH,
    model: (weights) => `onnx-${weights}`,
    threads: [1, 2],
    code: () =>
      ["ort.node.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"].map((file) =>
        modules(`onnxruntime-web/dist/${file}`),
      ),
    command: inNode,
  },
  transformers: {
    title: "transformers.js",
    weights: BOTH,
    model: (weights) => `transformers-${weights}`,
    threads: [1, 2],
    code: () => [modules("@huggingface/transformers/dist/transformers.node.mjs"), ...nodeCode()],
    command: inNode,
  },
  ctranslate2: {
    title: "CTranslate2",
    weights: BOTH,
    model: (weights) => `ctranslate2-${weights}`,
    threads: [1, 2],
    code: () => libraries(runtimes(), "ctranslate2.libs"),
    command: inPython(runtimes),
  },
  llama: {
    title: "llama.cpp",
    weights: [...BOTH, "int4"],
    model: (weights) => `llama-${weights}.gguf`,
    threads: [1, 2],
    code: () => libraries(llama(), "llama_cpp/lib"),
    command: inPython(llama),
  },
  iree: {
    title: "IREE",
    weights: ["float32"],
    model: (weights) => `iree-${weights}`,
    threads: [1, 2],
    code: () => libraries(runtimes(), "iree/_runtime_libs"),
    command: inPython(runtimes),
  },
};

/** A contender of which there are no figures. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

/** The contenders that have a model in their format, and the others. @param only their kinds; empty: all */
export function contendersFor(
  model: PeerModel,
  only: readonly string[],
): { readonly contenders: readonly Contender[]; readonly leftOut: readonly LeftOut[] } {
  const unknown = only.find((kind) => !Object.hasOwn(KINDS, kind));
  if (unknown !== undefined)
    throw new Error(`only: expected ${Object.keys(KINDS).join(", ")}, got ${unknown}`);
  const kinds = Object.keys(KINDS).filter((kind) => only.length === 0 || only.includes(kind)) as Kind[];
  const contenders: Contender[] = [];
  const leftOut: LeftOut[] = [];
  for (const kind of kinds)
    for (const weights of KINDS[kind].weights.filter(
      (type) => type === "float32" || model.weights.includes(type),
    )) {
      const path = join(model.folder, KINDS[kind].model(weights));
      const reason = whyNot(kind, weights, model, path);
      if (reason === undefined) contenders.push(contender(kind, weights, { model, path }));
      else leftOut.push({ name: nameOf(kind, weights), reason });
    }
  return { contenders, leftOut };
}

const nameOf = (kind: Kind, weights: Weights): string => `${KINDS[kind].title}, ${weights}`;

/** Why a runtime cannot be measured with a model; undefined if it can. */
function whyNot(kind: Kind, weights: Weights, model: PeerModel, path: string): string | undefined {
  if (!model.weights.includes(weights)) return "float32 weights of this size need gigabytes in each format";
  if (kind === "slm" && model.texts === undefined) return "it answers texts, and the prompts are random ids";
  if (existsSync(path)) return undefined;
  if (kind !== "wasm") return "it reads published models, and this one is a student of slm";
  const file = join(model.folder, "web", "model.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly noPortable?: string }).noPortable;
}

function contender(
  kind: Kind,
  weights: Weights,
  { model, path }: { readonly model: PeerModel; readonly path: string },
): Contender {
  const { threads, code, command } = KINDS[kind];
  const { tokens, start, end, texts } = model;
  return {
    name: nameOf(kind, weights),
    isExact: weights === "float32",
    codeBytes: bytesOf(code(path)),
    weightBytes: bytesOf(
      filesIn(path).filter(
        (file) => file === path || /^(?!.*portable).*\.(?:bin|onnx|data|vmfb)$/u.test(file),
      ),
    ),
    threads,
    command: (prompts, count, at) => {
      mkdirSync(at, { recursive: true });
      const jobFile = join(at, "job.json");
      const given = texts?.slice(0, prompts.length);
      const job: Job = { model: path, prompts, texts: given, tokens, start, end, threads: count };
      writeFileSync(jobFile, JSON.stringify(job));
      const numbers = [tokens, prompts.length, ...prompts.flatMap((prompt) => [prompt.length, ...prompt])];
      writeFileSync(`${jobFile}.txt`, numbers.join(" "));
      return command(kind, path, jobFile);
    },
  };
}

function filesIn(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: "utf8" }).map((file) => join(path, file));
}

const bytesOf = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(file).size, 0);
