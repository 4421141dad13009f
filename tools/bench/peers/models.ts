/** The models that are compared: random T5s in the format of every runtime, and slm's own students. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
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

/** A model in the formats of the runtimes, in one folder. */
export interface PeerModel {
  readonly name: string;
  readonly folder: string;
  readonly prompts: readonly (readonly number[])[];
  /** Longest answer [tokens]. */
  readonly tokens: number;
  readonly start: number;
  readonly end: number;
  /** Greedy answers of transformers in PyTorch. Absent for students of slm. */
  readonly expected?: readonly (readonly number[])[];
}

/** Lengths for models with random weights [tokens]. */
const [SOURCE, ANSWER] = [30, 26];
const PROMPTS = 4;
const LONGEST = 64;
/** What the exports depend on. */
const MADE_BY = [
  exporterStamp(),
  readFileSync(import.meta.filename, "utf8"),
  readFileSync(join(import.meta.dirname, "main.c"), "utf8"),
];
/** Formats that make_models.py writes. */
const OTHERS = ["ctranslate2-float32", "ctranslate2-int8", "llama-float32.gguf", "llama-int8.gguf"];
/** Words of a run's test split. */
const WORDS = 50;

/** T5: 0.65, 3.3, 20 and 60 million parameters; the last one has the shape of t5-small. */
const SHAPES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "0.6M": { vocabulary: 256, width: 96, heads: 4, encoderLayers: 3, decoderLayers: 2 },
  "3M": { vocabulary: 1536, width: 192, heads: 6, encoderLayers: 4, decoderLayers: 2 },
  "20M": { vocabulary: 8192, width: 448, heads: 7, encoderLayers: 4, decoderLayers: 2 },
  "60M": { vocabulary: 32_128, width: 512, heads: 8, encoderLayers: 6, decoderLayers: 6 },
};

/** slm's size `small` for SNIPS: 3.25 million parameters. */
const SMALL = {
  architecture: "encoder-decoder",
  vocabularySize: 1536,
  width: 192,
  heads: 6,
  kvHeads: 6,
  headDim: 32,
  feedForward: 768,
  encoderLayers: 4,
  decoderLayers: 2,
  maxSource: 96,
  maxTarget: 96,
  bias: false,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

/**
 * A model by its name, made if it is missing or if slm's exporters have changed.
 *
 * @param name a size of T5, `small`, or the directory of a run
 * @throws Error for another name
 */
export async function peerModel(name: string): Promise<PeerModel> {
  const shape = SHAPES[name];
  if (shape !== undefined) return randomT5(name, shape);
  if (name === "small") {
    const { vocabularySize, tokens } = SMALL;
    const folder = student(name, randomCheckpoint(SMALL));
    const prompts = randomPrompts(vocabularySize);
    return { name, folder, prompts, tokens: ANSWER, start: tokens.bos, end: tokens.eos };
  }
  const checkpoint = join(name, "distill");
  if (!existsSync(checkpoint))
    throw new Error(
      `expected ${Object.keys(SHAPES).join(", ")}, small or the directory of a run, got ${name}`,
    );
  const { config } = await readCheckpoint(checkpoint);
  const tokenizer = await loadTokenizer(checkpoint);
  const words = await firstSources(join(name, "data/test.jsonl"), WORDS);
  return {
    name: basename(name),
    folder: student(basename(name), checkpoint),
    prompts: words.map((word) => tokenizer.encodeSource(word)),
    tokens: config.maxTarget - 1,
    start: config.tokens.bos,
    end: config.tokens.eos,
  };
}

function student(name: string, checkpoint: string): string {
  const stamp = [...MADE_BY, readFileSync(join(checkpoint, "manifest.json"), "utf8")].join("\n");
  return once(
    `peers-${name}`,
    (folder) => {
      exportAll(checkpoint, folder);
    },
    stamp,
  );
}

function randomPrompts(vocabulary: number): readonly (readonly number[])[] {
  const { next } = createRandom(1);
  const prompt = (): number[] =>
    Array.from({ length: SOURCE }, () => 4 + Math.floor((vocabulary - 4) * next()));
  return Array.from({ length: PROMPTS }, prompt);
}

function randomT5(name: string, shape: Readonly<Record<string, number>>): PeerModel {
  const prompts = randomPrompts(shape["vocabulary"]!);
  const program = join(import.meta.dirname, "make_models.py");
  const given = [JSON.stringify(shape), JSON.stringify(prompts), String(ANSWER)];
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
      const limits = ["--max-source", String(LONGEST), "--max-target", String(LONGEST)];
      slm("import", join(published, "published"), "-o", checkpoint, ...limits);
      exportAll(checkpoint, place);
      compileWithIree(checkpoint, place, dirname(runtimes));
      for (const file of OTHERS) symlinkSync(join(published, file), join(place, file));
    },
    [...MADE_BY, ...given].join("\n"),
  );
  const expected = JSON.parse(readFileSync(join(published, "answers.json"), "utf8")) as number[][];
  return { name, folder, prompts, tokens: ANSWER, start: 0, end: 1, expected };
}

/** Exports for C, WebAssembly, ONNX Runtime and transformers.js. */
function exportAll(checkpoint: string, folder: string): void {
  const at = (file: string): string => join(folder, file);
  for (const weights of ["float32", "int8"]) {
    const program = at(`c-${weights}`);
    slm("export", checkpoint, "--target", "c", "--weights", weights, "--name", "model", "-o", program);
    cpSync(join(import.meta.dirname, "main.c"), join(program, "main.c"));
    const flags = ["-std=c99", "-O3", "-fno-math-errno", "-march=native", "-s"];
    run("gcc", [...flags, "main.c", "model.c", "-o", "main", "-lm"], { cwd: program });
  }
  slm("export", checkpoint, "--target", "web", "-o", at("web")); // Has a portable form at all of these sizes.
  slm("export", checkpoint, "-o", at("onnx-float32"));
  slm("quantize", at("onnx-float32"), "--scheme", "cpu", "-o", at("onnx-int8"));
  slm("export", checkpoint, "--layout", "transformers.js", "-o", at("transformers-float32"));
  slm("quantize", at("transformers-float32"), "--scheme", "int8-dynamic", "-o", at("transformers-int8"));
}

/** Graphs of fixed sizes in basic operators: IREE cannot read the contrib operators of the CPU export, or RMSNormalization. */
function compileWithIree(checkpoint: string, folder: string, programs: string): void {
  const [graphs, compiled] = [join(folder, "static"), join(folder, "iree-float32")];
  const sizes = ["--buckets", String(SOURCE), "--window", "32"];
  slm("export", checkpoint, "--target", "npu", "--profile", "openvino", ...sizes, "-o", graphs);
  mkdirSync(compiled);
  cpSync(join(graphs, "model.json"), join(compiled, "model.json"));
  const target = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"];
  for (const graph of ["encoder", "decoder"]) {
    const text = join(graphs, `${graph}.mlir`);
    run(join(programs, "iree-import-onnx"), [join(graphs, `${graph}.${SOURCE}.onnx`), "-o", text]);
    const module = join(compiled, `${graph}.vmfb`);
    run(join(programs, "iree-compile"), [text, ...target, "--iree-llvmcpu-target-cpu=host", "-o", module]);
  }
  rmSync(graphs, { recursive: true });
}
