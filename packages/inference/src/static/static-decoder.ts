/** The static decoder behind the interface of `@slm/decoding`. The host keeps the caches and the attention mask. */
import { type DeviceModel, GRAPH_IO } from "@slm/exported-model";
import type { StepDecoder } from "@slm/decoding";
import { SlmError } from "@slm/core";
import {
  type DeviceTensor,
  type HostTensor,
  type Session,
  createHostTensor,
  elementCount,
} from "@slm/runtime";

// Keys and values of one text in a window of fixed size, in the host's memory.

interface LayerCache {
  /** `[1, kvHeads, headDim, slots]` */
  readonly key: HostTensor;
  /** `[1, kvHeads, slots, headDim]` */
  readonly value: HostTensor;
}

/** Elements as raw bytes: float32 and float16 values are copied without conversion. */
type Elements = Float32Array | Uint16Array;

class WindowCache {
  /** Caches by the names of the decoder's inputs. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly #model: DeviceModel;
  readonly #layers: readonly LayerCache[];
  /** One less than the window, because the newest token is not in the cache. */
  readonly #slots: number;
  readonly #headDim: number;

  /** @param from layers to copy; default: empty caches */
  constructor(model: DeviceModel, window: number, from?: readonly LayerCache[]) {
    const { kvHeads, headDim, decoderLayers, precision = "float32" } = model;
    this.#model = model;
    this.#slots = window - 1;
    this.#headDim = headDim;
    this.#layers = Array.from({ length: decoderLayers }, (_, layer) => ({
      key: createHostTensor(precision, [1, kvHeads, headDim, this.#slots], from?.[layer]?.key.data.slice()),
      value: createHostTensor(
        precision,
        [1, kvHeads, this.#slots, headDim],
        from?.[layer]?.value.data.slice(),
      ),
    }));
    this.feeds = Object.fromEntries(
      this.#layers.flatMap(({ key, value }, layer) => [
        [GRAPH_IO.pastKey(layer), key],
        [GRAPH_IO.pastValue(layer), value],
      ]),
    );
  }

  copy(): WindowCache {
    return new WindowCache(this.#model, this.#slots + 1, this.#layers);
  }

  /** Writes the decoder's new keys and values of a token into its slot. The last token of a window needs no slot. */
  write(slot: number, made: Readonly<Record<string, HostTensor>>): void {
    if (slot >= this.#slots) return;
    for (const [layer, { key, value }] of this.#layers.entries()) {
      const [newKey, newValue] = [made[GRAPH_IO.presentKey(layer)]!, made[GRAPH_IO.presentValue(layer)]!];
      const keys = newKey.data as Elements;
      for (let row = 0; row < keys.length; row += 1) key.data[row * this.#slots + slot] = keys[row]!;
      const heads = elementCount(newValue.shape) / this.#headDim;
      for (let head = 0; head < heads; head += 1) {
        const part = (newValue.data as Elements).subarray(head * this.#headDim, (head + 1) * this.#headDim);
        (value.data as Elements).set(part, (head * this.#slots + slot) * this.#headDim);
      }
    }
  }
}

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
