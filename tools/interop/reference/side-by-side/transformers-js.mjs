/**
 * Compares slm with transformers.js on the same exported model: end-to-end tokens/s, time to first token, and the decode rate after it.
 * Batch 1, greedy; float32, 8 bits, or an 8-bit encoder and a 4-bit decoder; the same number of threads, exactly `answer` tokens.
 *
 *   npm run build && node tools/interop/reference/side-by-side/transformers-js.mjs [size=tiny|small|paper] [source=N] [answer=N]
 *       [dtype=fp32|q8|q8+q4] [block=128] [head=int4-block]
 *
 * `block` and `head` are the flags --block-size and --embedding of `slm quantize` for the model of both sides.
 */
import { basename, dirname } from "node:path";
import { AutoModelForSeq2SeqLM, AutoTokenizer, Tensor, env } from "@huggingface/transformers";
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

/**
 * A scheme of `slm quantize`, and its name in transformers.js.
 *
 * @typedef {{ scheme: string, theirDtype: "fp32" | "q8" | Record<string, "q8" | "q4"> }} Kind
 */

/** By the name in a comparison: the scheme of `slm quantize`, and its name in transformers.js. */
/** @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  fp32: { scheme: "float32", theirDtype: "fp32" },
  q8: { scheme: "int8-dynamic", theirDtype: "q8" },
  "q8+q4": { scheme: "cpu", theirDtype: { encoder_model: "q8", decoder_model_merged: "q4" } },
};

const setting = settings({ ...COMMON, ...QUANTIZED, size: "tiny", source: 64, answer: 32, dtype: "fp32" });
const { threads, source, answer, dtype } = setting;
const shape = shapeOf(setting.size);
const kind = KINDS[dtype];
if (kind === undefined) throw new Error(`dtype: expected one of ${Object.keys(KINDS).join(", ")}`);
const { scheme, theirDtype } = kind;
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
    throw new Error(`transformers.js generated ${tokensMade.length} tokens, expected ${answer}`);
  return times(firstTokenMs, totalMs, answer);
}

await compare(`transformers.js, ${setting.size}, ${dtype}, ${source} tokens in, ${answer} out`, setting, [
  await openSlm(`slm, ${scheme}`, randomModel(shape, { scheme, flags }), setting),
  {
    name: `transformers.js ${env.version}, ${dtype}`,
    made: () => tokensMade,
    run: generate,
    close: model.close,
  },
]);

/** Opens an export of layout transformers.js. @param theirDtype of its kind */
async function openTransformers(
  /** @type {string} */ directory,
  /** @type {Pick<Kind, "theirDtype"> & { threads: number }} */ { theirDtype, threads },
) {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(directory);
  const name = basename(directory);
  const tokenizer = await AutoTokenizer.from_pretrained(name);
  const model = await AutoModelForSeq2SeqLM.from_pretrained(name, {
    dtype: theirDtype,
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" },
  });
  return {
    /** Generates one greedy answer, including tokenization. @param limits options of `generate` @returns tokens after BOS, and times */
    answer: async (
      /** @type {string} */ text,
      /** @type {{ min_new_tokens: number; max_new_tokens: number; }} */ limits,
    ) => {
      const began = performance.now();
      const inputs = tokenizer(text);
      /** @type {number[]} */
      const arrivals = [];
      // The first call contains the BOS token, each later call one token.
      const streamer = { put: () => arrivals.push(performance.now()), end: () => undefined };
      /** @type {object} */
      const request = { ...inputs, do_sample: false, num_beams: 1, ...limits, streamer };
      const output = await model.generate(/** @type {Parameters<typeof model.generate>[0]} */ (request));
      const totalMs = performance.now() - began;
      return {
        tokens: tokensOf(output),
        firstTokenMs: (arrivals[1] ?? Number.NaN) - began,
        totalMs,
      };
    },
    close: () => model.dispose(),
  };
}

/** The tokens after BOS. */
function tokensOf(/** @type {unknown} */ output) {
  if (!(output instanceof Tensor)) throw new Error("transformers.js did not return a tensor of tokens");
  /** @type {(number | bigint)[][]} */
  const [tokens = []] = output.tolist();
  return tokens.slice(1).map(Number);
}
