/** The static decoder behind the interface of `@slm/decoding`. The host keeps the caches and the attention mask. */
import { type DeviceModel, GRAPH_IO } from "@slm/exported-model";
import type { StepDecoder } from "@slm/decoding";
import { SlmError } from "@slm/core";
import { type DeviceTensor, type HostTensor, type Session, createHostTensor } from "@slm/runtime";
import { WindowCache } from "./window-cache.js";

export interface StaticDecoderParts {
  readonly decoder: Session;
  readonly model: DeviceModel;
  readonly window: number;
  readonly maskedBias: number;
  /** Outputs of the encoder for one source, shared by all rows, and the bias over it. */
  readonly source: Readonly<Record<string, DeviceTensor | HostTensor>>;
  /** Rows, such as beams. A run of the graph takes one row. */
  readonly rows: number;
}

/** float32 `[1, 1, 1, size]`: 0 where something may be attended. */
export function biasOf(size: number, maskedBias: number, isSeen: (slot: number) => boolean): HostTensor {
  const values = Float32Array.from({ length: size }, (_, slot) => (isSeen(slot) ? 0 : maskedBias));
  return createHostTensor("float32", [1, 1, 1, size], values);
}

export class StaticDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  /** Time when each step's logits were ready, by `performance.now()` [ms]. */
  readonly stepTimes: number[] = [];
  readonly #parts: StaticDecoderParts;
  readonly #outputs: readonly string[];
  readonly #logits: Float32Array;
  #caches: readonly WindowCache[];
  #position = 0;

  constructor(parts: StaticDecoderParts) {
    const { model, window, rows, decoder } = parts;
    this.#parts = parts;
    this.rows = rows;
    this.vocabularySize = model.vocabularySize;
    this.#outputs = decoder.outputNames;
    this.#logits = new Float32Array(rows * model.vocabularySize);
    this.#caches = Array.from({ length: rows }, () => new WindowCache(model, window));
  }

  /** @throws SlmError SHAPE_MISMATCH if the graph's logits are not float32 `[1, vocab]`, or if its window is full. */
  async step(tokens: Int32Array): Promise<Float32Array> {
    const { window, maskedBias } = this.#parts;
    const position = this.#position;
    if (position >= window)
      throw new SlmError("SHAPE_MISMATCH", `generate: a static decoder takes ${window} tokens, got one more`);
    // The last column is the current token.
    const bias = biasOf(window, maskedBias, (slot) => slot < position || slot === window - 1);
    for (let row = 0; row < this.rows; row += 1) await this.#stepRow(row, tokens[row]!, bias);
    this.#position += 1;
    this.stepTimes.push(performance.now());
    return this.#logits;
  }

  permuteRows(rows: readonly number[]): Promise<void> {
    const taken = new Set<number>();
    this.#caches = rows.map((row) => {
      const cache = this.#caches[row]!;
      if (taken.has(row)) return cache.copy();
      taken.add(row);
      return cache;
    });
    return Promise.resolve();
  }

  async #stepRow(row: number, token: number, bias: HostTensor): Promise<void> {
    const { decoder, source } = this.#parts;
    const cache = this.#caches[row]!;
    const { fetched } = await decoder.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [1, 1], Int32Array.of(token)),
        [GRAPH_IO.position]: createHostTensor("int32", [1], Int32Array.of(this.#position)),
        [GRAPH_IO.windowBias]: bias,
        ...source,
        ...cache.feeds,
      },
      fetch: this.#outputs,
    });
    const logits = fetched[GRAPH_IO.logits];
    if (!(logits?.data instanceof Float32Array) || logits.data.length !== this.vocabularySize) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `generate: '${GRAPH_IO.logits}' must be float32 [1, ${this.vocabularySize}], got ` +
          (logits === undefined ? "none" : `${logits.dtype}[${logits.shape.join(",")}]`),
      );
    }
    this.#logits.set(logits.data, row * this.vocabularySize);
    cache.write(this.#position, fetched);
  }
}
