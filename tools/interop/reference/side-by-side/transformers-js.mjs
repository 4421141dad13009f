/**
 * One exported model in slm and in transformers.js: end-to-end tokens a second, first token, rate after it. Batch 1, greedy, float32,
 * 8 bits, or an encoder of 8 bits and a decoder of 4, the same threads, exactly `answer` tokens.
 *
 *   npm run build && node tools/interop/reference/side-by-side/transformers-js.mjs [size=tiny|small|paper] [source=N] [answer=N]
 *       [dtype=fp32|q8|q8+q4] [block=128] [head=int4-block]
 *
 * `block` and `head` are what `slm quantize` is told of both sides' model: --block-size and --embedding.
 */
import { dirname, basename } from "node:path";
import { AutoModelForSeq2SeqLM, AutoTokenizer, env } from "@huggingface/transformers";
import {
  COMMON,
  QUANTIZED,
  compare,
  openSlm,
  promptOf,
  quantizeFlags,
  randomModel,
  settings,
  times,
} from "./harness.mjs";
import { shapeOf } from "./shapes.mjs";

const setting = settings({ ...COMMON, ...QUANTIZED, size: "tiny", source: 64, answer: 32, dtype: "fp32" });
const { threads, source, answer, dtype } = setting;
const shape = shapeOf(setting.size);
/** The scheme of `slm quantize`, and what the library calls it. */
const KINDS = {
  fp32: { scheme: "float32", theirDtype: "fp32" },
  q8: { scheme: "int8-dynamic", theirDtype: "q8" },
  "q8+q4": { scheme: "cpu", theirDtype: { encoder_model: "q8", decoder_model_merged: "q4" } },
};
if (!Object.hasOwn(KINDS, dtype)) throw new Error(`dtype is one of ${Object.keys(KINDS).join(", ")}`);
const { scheme, theirDtype } = KINDS[dtype];

const flags = quantizeFlags(setting);
const theirs = randomModel(shape, { layout: "transformers.js", scheme, flags });
env.allowRemoteModels = false;
env.localModelPath = dirname(theirs);
const name = basename(theirs);
const tokenizer = await AutoTokenizer.from_pretrained(name);
const model = await AutoModelForSeq2SeqLM.from_pretrained(name, {
  dtype: theirDtype,
  session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" },
});

let tokensMade = [];
async function generate() {
  const began = performance.now();
  const inputs = await tokenizer(promptOf(source));
  const arrivals = [];
  // The first call tells the beginning token, each later one a token.
  const streamer = { put: () => arrivals.push(performance.now()), end: () => undefined };
  const limits = { min_new_tokens: answer, max_new_tokens: answer, do_sample: false, num_beams: 1 };
  const output = await model.generate({ ...inputs, ...limits, streamer });
  const total = performance.now() - began;
  // Behind the beginning token.
  tokensMade = output.tolist()[0].slice(1).map(Number);
  if (tokensMade.length !== answer)
    throw new Error(`transformers.js made ${tokensMade.length} tokens, expected ${answer}`);
  return times(arrivals[1] - began, total, answer);
}

await compare(`transformers.js, ${setting.size}, ${dtype}, ${source} tokens in, ${answer} out`, setting, [
  await openSlm(`slm, ${scheme}`, randomModel(shape, { scheme, flags }), setting),
  {
    name: `transformers.js ${env.version}, ${dtype}`,
    made: () => tokensMade,
    run: generate,
    close: () => model.dispose(),
  },
]);
