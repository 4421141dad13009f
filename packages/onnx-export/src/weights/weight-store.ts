/**
 * The weights of all graphs of one export. Graphs that use the same weight in the same layout get the same bytes, which are stored once on
 * disk.
 *
 * Deferred weights have a size but no content. Until a weight is written, a zeroed array replaces it, whose memory is never touched and
 * therefore never allocated. `content` reads, transposes and rounds the weight when it is written. An export therefore has one weight in
 * memory at a time.
 */
import { SlmError } from "@slm/core";
import type { Initializer } from "@slm/onnx";
import type { Weights } from "@slm/model";
import { elementCount, joinFloats } from "@slm/runtime";
import type { Precision } from "@slm/devices";
import { FLOAT_BYTES, FLOAT_SIZE } from "./float-bits.js";

/** `as-stored`: as in the checkpoint. `transposed`: `[out, in]` of the checkpoint as `[in, out]`. */
export type WeightLayout = "as-stored" | "transposed";

export interface WeightRequest {
  readonly name: string;
  /** As in the checkpoint. */
  readonly shape: readonly number[];
  readonly layout: WeightLayout;
}

/** Smaller weights are always read immediately: they are in the model file, where shape inference can read them. */
const DEFERRED_MIN_BYTES = 1024;

export class WeightStore {
  readonly precision: Precision;
  readonly #weights: Weights;
  readonly #isDeferred: boolean;
  readonly #data = new Map<string, Uint8Array>();
  readonly #requests = new Map<ArrayBufferLike, readonly WeightRequest[]>();

  constructor(
    weights: Weights,
    { precision, deferred }: { readonly precision: Precision; readonly deferred: boolean },
  ) {
    this.#weights = weights;
    this.precision = precision;
    this.#isDeferred = deferred;
  }

  has(name: string): boolean {
    return this.#weights.has(name);
  }

  /** Bytes of a weight in this store's precision, or their placeholder. @throws SlmError as {@link content} */
  bytes(request: WeightRequest): Uint8Array {
    return this.joinedBytes([request]);
  }

  /**
   * The same for several weights of one layout as one, concatenated along their outputs, the checkpoint's first axis. They can differ only
   * in the number of outputs.
   *
   * @throws SlmError as {@link content}
   */
  joinedBytes(requests: readonly WeightRequest[]): Uint8Array {
    const key = requests.map(({ layout, name }) => `${layout} ${name}`).join();
    const known = this.#data.get(key);
    if (known !== undefined) return known;
    const elements = requests.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const size = elements * FLOAT_SIZE[this.precision];
    const isDeferred = this.#isDeferred && size >= DEFERRED_MIN_BYTES;
    const bytes = isDeferred ? new Uint8Array(size) : this.#read(requests);
    if (isDeferred) this.#requests.set(bytes.buffer, requests);
    this.#data.set(key, bytes);
    return bytes;
  }

  /**
   * The content of an initializer with these `bytes`.
   *
   * @throws SlmError UNEXPECTED for an unknown weight, SHAPE_MISMATCH if it is not float32 with that shape, DATA_INVALID if the precision
   * cannot represent a number.
   */
  readonly content = ({ data }: Initializer): Uint8Array => {
    const requests = this.#requests.get(data.buffer);
    return requests === undefined ? data : this.#read(requests);
  };

  #read(requests: readonly WeightRequest[]): Uint8Array {
    const parts = requests.map((request) => this.#values(request));
    const [{ name, shape, layout }] = requests as readonly [WeightRequest];
    const values = parts.length === 1 ? parts[0]! : joinFloats(parts);
    const columns = shape[1] ?? 1;
    const turned = layout === "transposed" ? transpose(values, values.length / columns, columns) : values;
    return FLOAT_BYTES[this.precision](turned, name);
  }

  #values({ name, shape }: WeightRequest): Float32Array {
    const weight = this.#weights.get(name);
    if (weight === undefined)
      throw new SlmError("UNEXPECTED", `export: '${name}' is used as a weight but is not one`);
    const { data } = weight;
    if (data instanceof Float32Array && weight.shape.join() === shape.join()) return data;
    const expected = `float32[${shape.join(",")}]`;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `export: weight '${name}' should be ${expected}, got ${weight.dtype}[${weight.shape.join(",")}]`,
    );
  }
}

/**
 * Edge of the squares that are transposed at a time. Rows of 1024 or 4096 weights start a power of two apart, and a CPU cache can keep few
 * such lines (measured: 16 is fastest, 64 takes 50 % longer).
 */
const BLOCK = 16;

/** `[rows, columns]` row major -> `[columns, rows]`. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let top = 0; top < rows; top += BLOCK) {
    for (let left = 0; left < columns; left += BLOCK) {
      const bottom = Math.min(top + BLOCK, rows);
      const right = Math.min(left + BLOCK, columns);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++)
          turned[column * rows + row] = values[row * columns + column]!;
      }
    }
  }
  return turned;
}
