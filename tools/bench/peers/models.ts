/** The models that are compared: random T5s in the format of every runtime, and slm's own students. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { readCheckpoint } from "@slm/checkpoints";
import { createRandom } from "@slm/generation";
import { loadTokenizer } from "@slm/tokenizer";
import {
  exporterStamp,
  once,
  python,
  randomCheckpoint,
  slm,
} from "../../interop/reference/side-by-side/harness.mjs";
import { RUNTIMES, TORCH } from "../../interop/reference/side-by-side/python-packages.mjs";
import { firstSources } from "../../lib/first-sources.mjs";
import { run } from "../../lib/user-cache.mjs";

/** Types of weights. */
export type Weights = "float32" | "int8" | "int4";

/** A model in the formats of the runtimes, in one folder. */
export interface PeerModel {
  readonly name: string;
  readonly folder: string;
  readonly weights: readonly Weights[];
  readonly prompts: readonly (readonly number[])[];
  /** The texts of the prompts. Absent for T5, whose prompts are random ids. */
  readonly texts?: readonly string[];
  /** Longest answer [tokens]. */
  readonly tokens: number;
  readonly start: number;
  readonly end: number;
  /** Greedy answers of transformers in PyTorch. Absent for students of slm. */
  readonly expected?: readonly (readonly number[])[];
}

/** Lengths of prompts and answers of models with random weights [tokens]. */
export interface Lengths {
  readonly source: number;
  readonly answer: number;
}

const PROMPTS = 4;
/** What the exports depend on. */
const MADE_BY = [
  exporterStamp(),
  readFileSync(import.meta.filename, "utf8"),
  readFileSync(join(import.meta.dirname, "main.c"), "utf8"),
];
/** Words of a run's test split. */
const WORDS = 50;

interface Shape {
  readonly vocabulary: number;
  readonly width: number;
  readonly heads: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
}

/** T5: 0.65, 3.3, 20, 60 and 331 million parameters; 60M has the shape of t5-small. */
const SHAPES: Readonly<Record<string, Shape>> = {
  "0.6M": { vocabulary: 256, width: 96, heads: 4, encoderLayers: 3, decoderLayers: 2 },
  "3M": { vocabulary: 1536, width: 192, heads: 6, encoderLayers: 4, decoderLayers: 2 },
  "20M": { vocabulary: 8192, width: 448, heads: 7, encoderLayers: 4, decoderLayers: 2 },
  "60M": { vocabulary: 32_128, width: 512, heads: 8, encoderLayers: 6, decoderLayers: 6 },
  "331M": { vocabulary: 32_128, width: 1024, heads: 16, encoderLayers: 13, decoderLayers: 8 },
};
/** Width from which float32 weights are left out: they need gigabytes in each format. */
const WIDE = 1024;
const weightsOf = (width: number): readonly Weights[] => [
  ...(width < WIDE ? (["float32"] as const) : []),
  "int8",
  "int4",
];

/**
 * A model by its name, made if it is missing or if slm's exporters have changed.
 *
 * @param name a size of T5, `small` or `9.5M`, a file with the shape of a student, or the directory of a run
 * @throws Error for another name
 */
export async function peerModel(name: string, lengths: Lengths): Promise<PeerModel> {
  const shape = SHAPES[name];
  if (shape !== undefined) return randomT5(name, shape, lengths);
  const file = name.endsWith(".yaml") ? name : join(import.meta.dirname, `${name}.yaml`);
  if (existsSync(file)) {
    const given = parse(readFileSync(file, "utf8")) as { readonly width: number };
    const checkpoint = randomCheckpoint(given);
    const [weights, texts] = [weightsOf(given.width), randomTexts(lengths.source)];
    return student(name.replaceAll(/[^\w.]/gu, "-"), { checkpoint, weights, texts, tokens: lengths.answer });
  }
  const checkpoint = join(name, "distill");
  if (!existsSync(checkpoint))
    throw new Error(
      `expected ${Object.keys(SHAPES).join(", ")}, small, 9.5M, a .yaml file or the directory of a run, got ${name}`,
    );
  const texts = await firstSources(join(name, "data/test.jsonl"), WORDS);
  return student(basename(name), { checkpoint, weights: ["float32", "int8", "int4"], texts });
}

/** The checkpoint of a student, texts to answer, and the longest answer (default: that of the model). */
interface Student {
  readonly checkpoint: string;
  readonly weights: readonly Weights[];
  readonly texts: readonly string[];
  readonly tokens?: number;
}

async function student(name: string, { checkpoint, weights, texts, tokens }: Student): Promise<PeerModel> {
  const stamp = [...MADE_BY, readFileSync(join(checkpoint, "manifest.json"), "utf8")].join("\n");
  const folder = once(
    `peers-${name}`,
    (place) => {
      exportAll(checkpoint, place, weights);
    },
    stamp,
  );
  const { config } = await readCheckpoint(checkpoint);
  const tokenizer = await loadTokenizer(checkpoint);
  return {
    name,
    folder,
    weights,
    texts,
    prompts: texts.map((text) => tokenizer.encodeSource(text)),
    tokens: tokens ?? config.maxTarget - 1,
    start: config.tokens.bos,
    end: config.tokens.eos,
  };
}

/** Random whole numbers from 0, for each prompt. */
function randomPrompts(limit: number, length: number): readonly (readonly number[])[] {
  const { next } = createRandom(1);
  const prompt = (): number[] => Array.from({ length }, () => Math.floor(limit * next()));
  return Array.from({ length: PROMPTS }, prompt);
}

/** Random letters: the tokenizer of random students has one token per character. */
const randomTexts = (length: number): readonly string[] =>
  randomPrompts(26, length).map((letters) => String.fromCharCode(...letters.map((letter) => 97 + letter)));

function randomT5(name: string, shape: Shape, { source, answer }: Lengths): PeerModel {
  const weights = weightsOf(shape.width);
  const special = 4;
  const prompts = randomPrompts(shape.vocabulary - special, source).map((ids) =>
    ids.map((id) => special + id),
  );
  const program = join(import.meta.dirname, "make_models.py");
  const given = [JSON.stringify(shape), JSON.stringify(prompts), String(answer), JSON.stringify(weights)];
  const runtimes = python(RUNTIMES);
  const published = once(
    `peers-${name}-published`,
    (folder) => {
      // CTranslate2 imports torch if it is installed, which would count as memory and start; so it has an environment of its own.
      const packages = execFileSync(runtimes, [
        "-c",
        "import sysconfig; print(sysconfig.get_path('purelib'))",
      ]);
      const env = { PYTHONPATH: packages.toString().trim() };
      run(python(TORCH), [program, ...given, folder], { env });
    },
    [readFileSync(program, "utf8"), ...given].join("\n"),
  );
  const folder = once(
    `peers-${name}`,
    (place) => {
      const checkpoint = join(place, "checkpoint");
      const limits = ["--max-source", String(2 * source), "--max-target", String(2 * answer)];
      slm("import", join(published, "published"), "-o", checkpoint, ...limits);
      exportAll(checkpoint, place, weights);
      if (weights.includes("float32"))
        compileWithIree(checkpoint, place, { source, answer }, dirname(runtimes));
      for (const file of [
        "ctranslate2-float32",
        "ctranslate2-int8",
        ...weights.map((type) => `llama-${type}.gguf`),
      ])
        if (existsSync(join(published, file))) symlinkSync(join(published, file), join(place, file));
    },
    [...MADE_BY, ...given].join("\n"),
  );
  const expected = JSON.parse(readFileSync(join(published, "answers.json"), "utf8")) as number[][];
  return { name, folder, weights, prompts, tokens: answer, start: 0, end: 1, expected };
}

/** Exports for C, WebAssembly, ONNX Runtime and transformers.js. */
function exportAll(checkpoint: string, folder: string, weights: readonly Weights[]): void {
  const at = (file: string): string => join(folder, file);
  for (const type of weights) compileC(checkpoint, at(`c-${type}`), type);
  slm("export", checkpoint, "--target", "web", "-o", at("web"));
  const forms = [
    { name: "onnx", flags: [], scheme: "cpu" },
    { name: "transformers", flags: ["--layout", "transformers.js"], scheme: "int8-dynamic" },
  ];
  for (const { name, flags, scheme } of forms) {
    slm("export", checkpoint, ...flags, "-o", at(`${name}-float32`));
    slm("quantize", at(`${name}-float32`), "--scheme", scheme, "-o", at(`${name}-int8`));
    if (!weights.includes("float32")) rmSync(at(`${name}-float32`), { recursive: true });
  }
}

function compileC(checkpoint: string, program: string, weights: Weights): void {
  slm("export", checkpoint, "--target", "c", "--weights", weights, "--name", "model", "-o", program);
  cpSync(join(import.meta.dirname, "main.c"), join(program, "main.c"));
  const options = ["-std=c99", "-O3", "-fno-math-errno", "-march=native", "-s"];
  run("gcc", [...options, "main.c", "model.c", "-o", "main", "-lm"], { cwd: program });
}

/** Graphs of fixed sizes in basic operators: IREE cannot read the contrib operators of the CPU export, or RMSNormalization. */
function compileWithIree(
  checkpoint: string,
  folder: string,
  { source, answer }: Lengths,
  programs: string,
): void {
  const [graphs, compiled] = [join(folder, "static"), join(folder, "iree-float32")];
  const sizes = ["--buckets", String(source), "--window", String(answer + 6)];
  slm("export", checkpoint, "--target", "npu", "--profile", "openvino", ...sizes, "-o", graphs);
  mkdirSync(compiled);
  cpSync(join(graphs, "model.json"), join(compiled, "model.json"));
  const target = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"];
  for (const graph of ["encoder", "decoder"]) {
    const text = join(graphs, `${graph}.mlir`);
    run(join(programs, "iree-import-onnx"), [join(graphs, `${graph}.${source}.onnx`), "-o", text]);
    const module = join(compiled, `${graph}.vmfb`);
    run(join(programs, "iree-compile"), [text, ...target, "--iree-llvmcpu-target-cpu=host", "-o", module]);
  }
  rmSync(graphs, { recursive: true });
}
