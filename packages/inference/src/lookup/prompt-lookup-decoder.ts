/** A decoder of one text that reads several tokens per run, and can truncate its caches after rejected drafts. */
import { type DeviceModel, GRAPH_IO } from "@slm/exported-model";
import type { TopTokens, DraftVerifier } from "@slm/decoding";
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import { type DeviceTensor, type Session, cacheWrites, createHostTensor } from "@slm/runtime";
import { topTokens } from "../top-tokens.js";
import type { CacheSet } from "../caches.js";
import { everyPosition, withArgmaxOutput } from "../graph-edits/argmax-output.js";

/**
 * Weight formats with dynamically quantized activations, scaled by the largest value of a run. With them the token after a position
 * would depend on the draft tokens that follow.
 */
const RUN_SCALED: ReadonlySet<string> = new Set(["int8-dynamic"]);

/**
 * A decoder with the top-1 token of every position as output, so that one run verifies several draft tokens.
 *
 * @throws SlmError OP_UNSUPPORTED for a decoder whose answers draft tokens would change.
 */
export function verifyingDecoder(graph: Graph, { name, graphs }: DeviceModel): Graph {
  const { scheme } = graphs.decoder;
  if (RUN_SCALED.has(scheme)) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `${name}: prompt lookup would change the answers of a decoder quantized to ${scheme}`,
      { suggestions: ["slm quantize EXPORT --scheme cpu", "slm quantize EXPORT --scheme int4-block"] },
    );
  }
  return withArgmaxOutput(everyPosition(graph));
}

export interface PromptLookupDecoderParts {
  /** Edited by {@link verifyingDecoder}. */
  readonly decoder: Session;
  readonly model: DeviceModel;
  readonly caches: CacheSet;
  /** Outputs of the encoder; none for a decoder-only model. */
  readonly encoded: Readonly<Record<string, DeviceTensor>>;
  /** Prefix ids before the first token, read in the first run. */
  readonly prefix: readonly number[];
}

export class PromptLookupDecoder implements DraftVerifier {
  readonly vocabularySize: number;
  /** End time of each run, by `performance.now()` [ms]. */
  readonly stepTimes: number[] = [];
  readonly #parts: PromptLookupDecoderParts;

  constructor(parts: PromptLookupDecoderParts) {
    this.#parts = parts;
    this.vocabularySize = parts.model.vocabularySize;
  }

  async feed(past: number, tokens: readonly number[]): Promise<TopTokens> {
    const { decoder, caches, encoded, prefix } = this.#parts;
    const ids = past === 0 ? [...prefix, ...tokens] : tokens;
    const pastLength = past === 0 ? 0 : prefix.length + past;
    const { fetched } = await decoder.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [1, ids.length], Int32Array.from(ids)),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(pastLength)),
        ...caches.past,
        ...encoded,
      },
      fetch: [GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities],
      ...cacheWrites(caches.form, caches.present, [pastLength]),
    });
    this.stepTimes.push(performance.now());
    const best = topTokens(fetched, ids.length);
    const first = ids.length - tokens.length;
    return { ids: best.ids.subarray(first), logProbabilities: best.logProbabilities.subarray(first) };
  }
}
