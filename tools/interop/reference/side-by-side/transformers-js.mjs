/**
 * One exported model in slm and in transformers.js: end-to-end tokens a second, first token, rate after it. Batch 1, greedy, float32,
 * 8 bits, or an encoder of 8 bits and a decoder of 4, the same threads, exactly `answer` tokens.
 *
 *   npm run build && node tools/interop/reference/side-by-side/transformers-js.mjs [size=tiny|small|paper] [source=N] [answer=N]
 *       [dtype=fp32|q8|q8+q4] [block=128] [head=int4-block]
 *
 * `block` and `head` are what `slm quantize` is told of both sides' model: --block-size and --embedding.
 */
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
import { TRANSFORMERS_VERSION, kindOf, openTransformers } from "./transformers-library.mjs";

const setting = settings({ ...COMMON, ...QUANTIZED, size: "tiny", source: 64, answer: 32, dtype: "fp32" });
const { threads, source, answer, dtype } = setting;
const shape = shapeOf(setting.size);
const { scheme, theirDtype } = kindOf(dtype);
const flags = quantizeFlags(setting);
const theirs = randomModel(shape, { layout: "transformers.js", scheme, flags });
const model = await openTransformers(theirs, { theirDtype, threads });

/** @type {number[]} */
let tokensMade = [];
async function generate() {
  const limits = { min_new_tokens: answer, max_new_tokens: answer };
  const { tokens, firstTokenMs, totalMs } = await model.answer(promptOf(source), limits);
  tokensMade = tokens;
  if (tokensMade.length !== answer)
    throw new Error(`transformers.js made ${tokensMade.length} tokens, expected ${answer}`);
  return times(firstTokenMs, totalMs, answer);
}

await compare(`transformers.js, ${setting.size}, ${dtype}, ${source} tokens in, ${answer} out`, setting, [
  await openSlm(`slm, ${scheme}`, randomModel(shape, { scheme, flags }), setting),
  {
    name: `transformers.js ${TRANSFORMERS_VERSION}, ${dtype}`,
    made: () => tokensMade,
    run: generate,
    close: model.close,
  },
]);
