/** The decoder graph as `@slm/decoding` wants it: tokens in, logits out, caches that grow where they lie. */
import { GRAPH_IO } from "@slm/artifact";
import type { StepDecoder } from "@slm/decoding";
import { SlmError } from "@slm/error";
import {
  type DeviceTensor,
  type RunResult,
  type Runtime,
  type Session,
  cacheWrites,
  createHostTensor,
} from "@slm/runtime";
import type { CacheSet } from "./caches.js";

export interface GraphDecoderParts {
  readonly runtime: Runtime;
  readonly decoder: Session;
  readonly caches: CacheSet;
  readonly vocabularySize: number;
  /** Outputs of the encoder, fed unchanged to every step; none for a decoder-only model. */
  readonly encoded: Readonly<Record<string, DeviceTensor>>;
  /** Ids that come before each row's first token, equally many for every row, fed with it in one run. */
  readonly prefixes: readonly (readonly number[])[];
}

export class GraphDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly #parts: GraphDecoderParts;
  /** When each step's logits were there, by `performance.now()` [ms]. */
  readonly stepTimes: number[] = [];
  #past = 0;

  constructor(parts: GraphDecoderParts) {
    this.#parts = parts;
    this.rows = parts.caches.rows;
    this.vocabularySize = parts.vocabularySize;
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const { data, dtype } = (await this.#run(tokens, [GRAPH_IO.logits]))[GRAPH_IO.logits]!;
    if (!(data instanceof Float32Array)) {
      throw new SlmError("SHAPE_MISMATCH", `generate: '${GRAPH_IO.logits}' must be float32, got ${dtype}`);
    }
    return data;
  }

  async #run(tokens: Int32Array, fetch: readonly string[]): Promise<RunResult["fetched"]> {
    const { decoder, caches, encoded } = this.#parts;
    const targetIds = this.#past === 0 ? this.#withPrefixes(tokens) : Int32Array.from(tokens);
    const target = targetIds.length / this.rows;
    const { fetched } = await decoder.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [this.rows, target], targetIds),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(this.#past)),
        ...caches.past,
        ...encoded,
      },
      fetch,
      ...cacheWrites(caches.form, caches.present, [this.#past]),
    });
    this.#past += target;
    this.stepTimes.push(performance.now());
    return fetched;
  }

  /** Reorders the self-attention caches. Rows move within a source only, whose encoder outputs are all alike. */
  async permuteRows(rows: readonly number[]): Promise<void> {
    const { runtime, caches } = this.#parts;
    await Promise.all(caches.tensors.map((tensor) => runtime.permuteRows(tensor, rows)));
  }

  #withPrefixes(tokens: Int32Array): Int32Array<ArrayBuffer> {
    return Int32Array.from(this.#parts.prefixes.flatMap((prefix, row) => [...prefix, tokens[row]!]));
  }
}
