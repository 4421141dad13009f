/** A model in transformers.js, from this machine alone. */
import { basename, dirname } from "node:path";
import { AutoModelForSeq2SeqLM, AutoTokenizer, Tensor, env } from "@huggingface/transformers";

export const TRANSFORMERS_VERSION = env.version;

/**
 * A scheme of `slm quantize`, and what transformers.js calls it.
 *
 * @typedef {{ scheme: string, theirDtype: "fp32" | "q8" | Record<string, "q8" | "q4"> }} Kind
 */

/** By what a comparison calls it: the scheme of `slm quantize`, and what the library calls it. */
/** @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  fp32: { scheme: "float32", theirDtype: "fp32" },
  q8: { scheme: "int8-dynamic", theirDtype: "q8" },
  "q8+q4": { scheme: "cpu", theirDtype: { encoder_model: "q8", decoder_model_merged: "q4" } },
};

/** @throws Error naming the kinds there are */
export function kindOf(/** @type {string} */ dtype) {
  const kind = KINDS[dtype];
  if (kind === undefined) throw new Error(`dtype is one of ${Object.keys(KINDS).join(", ")}`);
  return kind;
}

/** Opens an export of layout transformers.js. @param theirDtype of its kind */
export async function openTransformers(
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
    /** One greedy answer, tokenization included. @param limits of `generate` @returns tokens behind the beginning one, and times */
    answer: async (
      /** @type {string} */ text,
      /** @type {{ min_new_tokens: number; max_new_tokens: number; }} */ limits,
    ) => {
      const began = performance.now();
      const inputs = await tokenizer(text);
      /** @type {number[]} */
      const arrivals = [];
      // The first call tells the beginning token, each later one a token.
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

/** The tokens behind the beginning one. */
function tokensOf(/** @type {unknown} */ output) {
  if (!(output instanceof Tensor)) throw new Error("transformers.js gave no tensor of tokens");
  /** @type {(number | bigint)[][]} */
  const [tokens = []] = output.tolist();
  return tokens.slice(1).map(Number);
}
