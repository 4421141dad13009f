/** A decoder of one text that reads several tokens per run, and can truncate its caches after rejected drafts. */
import { type DeviceModel, GRAPH_IO } from "@slm/exported-model";
import type { TopTokens, DraftVerifier } from "@slm/decoding";
import type { Graph } from "@slm/onnx";
import { type DeviceTensor, type Session, cacheWrites, createHostTensor } from "@slm/runtime";
import { checkDrafts } from "../draft-tokens.js";
import { topTokens } from "../top-tokens.js";
import type { CacheSet } from "../caches.js";
import { everyPosition, withArgmaxOutput } from "../graph-edits/argmax-output.js";

/**
 * A decoder with the top-1 token of every position as output, so that one run verifies several draft tokens.
 *
 * @throws SlmError OP_UNSUPPORTED for a decoder whose answers draft tokens would change.
 */
export function verifyingDecoder(graph: Graph, model: DeviceModel): Graph {
  checkDrafts(model);
  // A decoder with draft heads has these outputs already.
  return model.draftHeads === undefined ? withArgmaxOutput(everyPosition(graph)) : graph;
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
