/**
 * Compares slm's encoder-decoder with a decoder-only model of about the same size in llama.cpp: time to first token for a source length,
 * and the decode rate after it. Random weights, 4 or 8 bits, batch 1, the same number of threads, exactly `answer` tokens.
 *
 *   npm run build && node tools/interop/reference/side-by-side/llama-cpp.mjs [size=tiny|paper] [type=Q4_0|Q8_0]
 *       [scheme=cpu|...] [block=128] [head=int4-block] [source=512] [answer=64]
 *
 * `block` and `head` are the flags --block-size and --embedding of `slm quantize`. With size=paper, slm's model has 332M parameters and
 * llama.cpp's 319M; both numbers are printed. llama.cpp is compiled for this machine's processor from PyPI's llama-cpp-python.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  COMMON,
  QUANTIZED,
  compare,
  once,
  openSlm,
  python,
  quantizeFlags,
  randomModel,
  settings,
  startPython,
  times,
} from "./harness.mjs";
import { LLAMA_CPP, LLAMA_CPP_BUILD, RUNTIMES } from "./python-packages.mjs";
import { parametersOf, shapeOf } from "./shapes.mjs";

const setting = settings({
  ...COMMON,
  ...QUANTIZED,
  size: "tiny",
  type: "Q4_0",
  scheme: "cpu",
  source: 512,
  answer: 64,
});
const { threads, source, answer, type } = setting;
const SHAPES = {
  tiny: { layers: 2, width: 64, feedForward: 128, heads: 4, kvHeads: 2, vocabulary: 512, context: 4096 },
  /** About 319M parameters, the size of the models in the paper (arXiv:2501.16273). */
  paper: {
    layers: 29,
    width: 960,
    feedForward: 2560,
    heads: 15,
    kvHeads: 5,
    vocabulary: 35_328,
    context: 4096,
  },
};
if (!["F16", "Q4_0", "Q8_0"].includes(type)) throw new Error(`type: expected F16, Q4_0 or Q8_0, got ${type}`);
if (setting.size !== "tiny" && setting.size !== "paper")
  throw new Error(`size: expected tiny or paper, got ${setting.size}`);

const theirShape = JSON.stringify(SHAPES[setting.size]);
const place = once(`llama-${setting.size}-${type}`, (folder) => {
  const program = join(import.meta.dirname, "random_gguf.py");
  const counted = execFileSync(python(RUNTIMES), [program, join(folder, "model.gguf"), theirShape, type]);
  writeFileSync(join(folder, "parameters.txt"), counted);
});
const path = join(place, "model.gguf");
// The BOS token, then words.
const prompt = Array.from({ length: source }, (_, at) => (at === 0 ? 1 : 259 + (at % 200)));

const interpreter = python(LLAMA_CPP, LLAMA_CPP_BUILD);
const worker = await startPython(interpreter, "./llama_cpp_worker.py", { threads, answer, path, prompt });
const llama = {
  run: async () => {
    const { firstTokenMs = Number.NaN, totalMs = Number.NaN } = await worker.ask();
    return times(firstTokenMs, totalMs, answer);
  },
  close: worker.close,
};
const shape = shapeOf(setting.size);
const ours = await openSlm(
  `slm encoder-decoder, ${setting.scheme}`,
  randomModel(shape, setting.scheme, quantizeFlags(setting)),
  setting,
);
await compare(`llama.cpp, ${setting.size}, ${type}, ${source} tokens in, ${answer} out`, setting, [
  { ...ours, about: { parameters: parametersOf(shape) } },
  {
    name: `llama.cpp decoder-only, ${type}`,
    about: {
      parameters: Number(readFileSync(join(place, "parameters.txt"), "utf8")),
      bytes: statSync(path).size,
    },
    ...llama,
  },
]);
