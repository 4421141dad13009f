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
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { LLAMA_319M, writeRandomGguf, WEIGHT_TYPES } from "../llama-cpp/random-gguf.mjs";
import {
  COMMON,
  PLACE,
  QUANTIZED,
  compare,
  openSlm,
  python,
  quantizeFlags,
  randomModel,
  settings,
  startPython,
  times,
} from "./harness.mjs";
import { LLAMA_CPP, LLAMA_CPP_BUILD } from "./python-packages.mjs";
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
if (!(type in WEIGHT_TYPES)) throw new Error(`type: expected one of ${Object.keys(WEIGHT_TYPES).join(", ")}`);
const TINY = { layers: 2, width: 64, feedForward: 128, heads: 4, kvHeads: 2, vocabulary: 512, context: 4096 };
const theirShape = setting.size === "tiny" ? TINY : LLAMA_319M;
if (!["tiny", "paper"].includes(setting.size))
  throw new Error(`size: expected tiny or paper, got ${setting.size}`);

mkdirSync(PLACE, { recursive: true });
const path = join(PLACE, `llama-${setting.size}-${type}.gguf`);
if (!existsSync(path)) {
  writeRandomGguf(`${path}.part`, theirShape, type);
  renameSync(`${path}.part`, path);
}
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
  randomModel(shape, { scheme: setting.scheme, flags: quantizeFlags(setting) }),
  setting,
);
await compare(`llama.cpp, ${setting.size}, ${type}, ${source} tokens in, ${answer} out`, setting, [
  { ...ours, about: { parameters: parametersOf(shape) } },
  {
    name: `llama.cpp decoder-only, ${type}`,
    about: { parameters: parametersOfLlama(theirShape), bytes: statSync(path).size },
    ...llama,
  },
]);

/** Number of parameters of a llama-shaped model with a shared embedding table. */
function parametersOfLlama(
  /** @type {typeof LLAMA_319M} */ { layers, width, feedForward, heads, kvHeads, vocabulary },
) {
  const attention = 2 * width * width + (2 * width * width * kvHeads) / heads;
  return vocabulary * width + layers * (attention + 3 * width * feedForward + 2 * width) + width;
}
