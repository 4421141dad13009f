/** Runs a decoder-only ONNX graph on rows of equal length, divided into several runs if necessary. */
import { SlmError } from "@slm/core";
import { float16Value } from "@slm/onnx";
import { createHostTensor, joinFloats, type DeviceTensor, type HostTensor, type Session } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import type { DecoderInput, DecoderSignature } from "./decoder-signature.js";

/** A loaded graph. */
export interface LoadedDecoder {
  readonly engine: Engine;
  readonly session: Session;
  readonly signature: DecoderSignature;
  readonly vocabularySize: number;
  /** Path of the file, for messages. */
  readonly where: string;
}

/** Maximum number of logits per run: 256 MiB as float32. More rows or positions need several runs. */
const MAX_LOGITS = 2 ** 26;

/** Number of rows per run that stays within the limit of logits.
 *
 * @param wanted number of last positions whose logits are needed; a graph without `num_logits_to_keep` returns all `length`.
 */
export function rowsAtOnce(
  { signature, vocabularySize }: LoadedDecoder,
  length: number,
  wanted: number,
): number {
  const given = signature.inputs.has("num_logits_to_keep") ? Math.max(1, wanted) : length;
  return Math.max(1, Math.floor(MAX_LOGITS / (given * vocabularySize)));
}

/**
 * Reads rows in chunks. Rows are never padded, because graphs differ in their treatment of masked positions within a text.
 */
export class DecoderRun {
  readonly rows: number;
  readonly #decoder: LoadedDecoder;
  #length = 0;
  #caches: Readonly<Record<string, DeviceTensor>> | undefined;
  /** Tokens so far, for a graph without caches. */
  #read: Int32Array[] = [];

  constructor(decoder: LoadedDecoder, rows: number) {
    this.#decoder = decoder;
    this.rows = rows;
  }

  /** Reads `ids` `[rows, length]` after the tokens that were read before.
   *
   * @returns float32 logits `[rows, wanted, vocab]` of the last `wanted` positions.
   * @throws SlmError DATA_INVALID if the graph returns unexpected shapes or NaN logits.
   */
  async read(ids: Int32Array, wanted: number): Promise<Float32Array> {
    const length = ids.length / this.rows;
    const { signature, vocabularySize } = this.#decoder;
    const step = signature.inputs.has("num_logits_to_keep")
      ? length
      : Math.max(1, Math.floor(MAX_LOGITS / (this.rows * vocabularySize)));
    // Operators of some exports accept several tokens of several rows only at the start. A single row is not limited.
    if (signature.caches.length === 0 || this.rows > 1 || length <= step)
      return this.#readPiece(ids, length, wanted);
    const kept: Float32Array[] = [];
    for (let from = 0; from < length; from += step) {
      const to = Math.min(length, from + step);
      const inPiece = Math.max(0, to - Math.max(from, length - wanted));
      kept.push(await this.#readPiece(ids.subarray(from, to), to - from, inPiece));
    }
    return joinFloats(kept);
  }

  async #readPiece(ids: Int32Array, length: number, wanted: number): Promise<Float32Array> {
    const { signature } = this.#decoder;
    if (signature.caches.length > 0) return this.#run(ids, length, wanted);
    this.#append(ids, length);
    if (wanted === 0) return new Float32Array(0);
    this.#length = 0;
    const total = this.#read[0]!.length;
    return this.#run(joinedIds(this.#read), total, wanted);
  }

  #append(ids: Int32Array, length: number): void {
    this.#read = Array.from({ length: this.rows }, (_, row) => {
      const fresh = ids.subarray(row * length, (row + 1) * length);
      return Int32Array.of(...(this.#read[row] ?? []), ...fresh);
    });
  }

  async #run(ids: Int32Array, length: number, wanted: number): Promise<Float32Array> {
    const { session, signature, engine } = this.#decoder;
    const kept = signature.inputs.has("num_logits_to_keep") ? Math.max(1, wanted) : length;
    const { fetched, kept: caches } = await session.run({
      feeds: { ...this.#inputs(ids, length, kept), ...this.#pastFeeds() },
      fetch: wanted === 0 ? [] : ["logits"],
      keep: signature.caches.map(({ present }) => present),
    });
    const before = this.#caches;
    this.#length += length;
    if (signature.caches.length > 0) {
      this.#caches = caches;
      await engine.release(Object.values(before ?? {}));
      this.#checkCaches(caches);
    }
    return wanted === 0 ? new Float32Array(0) : this.#lastLogits(fetched["logits"]!, kept, wanted);
  }

  #inputs(ids: Int32Array, length: number, kept: number): Record<string, HostTensor> {
    const { rows } = this;
    const past = this.#length;
    const values: Readonly<Record<DecoderInput, () => HostTensor>> = {
      input_ids: () => this.#integers("input_ids", [rows, length], (at) => ids[at]!),
      attention_mask: () => this.#integers("attention_mask", [rows, past + length], () => 1),
      position_ids: () => this.#integers("position_ids", [rows, length], (at) => past + (at % length)),
      num_logits_to_keep: () => this.#integers("num_logits_to_keep", undefined, () => kept),
      use_cache_branch: () => createHostTensor("bool", [1], Uint8Array.of(past > 0 ? 1 : 0)),
    };
    const { inputs } = this.#decoder.signature;
    return Object.fromEntries([...inputs.keys()].map((name) => [name, values[name]()]));
  }

  /** @param shape default: a scalar, or a vector of one element if the graph expects one */
  #integers(
    name: DecoderInput,
    shape: readonly number[] | undefined,
    valueAt: (index: number) => number,
  ): HostTensor {
    const { dtype, rank } = this.#decoder.signature.inputs.get(name)!;
    const sizes = shape ?? new Array<number>(rank).fill(1);
    const length = sizes.reduce((product, size) => product * size, 1);
    return dtype === "int64"
      ? createHostTensor(
          dtype,
          sizes,
          BigInt64Array.from({ length }, (_, at) => BigInt(valueAt(at))),
        )
      : createHostTensor(
          "int32",
          sizes,
          Int32Array.from({ length }, (_, at) => valueAt(at)),
        );
  }

  #pastFeeds(): Record<string, HostTensor | DeviceTensor> {
    const { caches } = this.#decoder.signature;
    return Object.fromEntries(
      caches.map(({ past, present, dtype, heads, headDim }) => [
        past,
        this.#caches?.[present] ?? createHostTensor(dtype, [this.rows, heads, 0, headDim]),
      ]),
    );
  }

  #checkCaches(caches: Readonly<Record<string, DeviceTensor>>): void {
    for (const { present, heads, headDim } of this.#decoder.signature.caches) {
      const expected = [this.rows, heads, this.#length, headDim];
      this.#requireShape(present, caches[present]!.shape, expected);
    }
  }

  #lastLogits({ shape, dtype, data }: HostTensor, given: number, wanted: number): Float32Array {
    const { vocabularySize, where } = this.#decoder;
    this.#requireShape("logits", shape, [this.rows, given, vocabularySize]);
    const last = new Float32Array(this.rows * wanted * vocabularySize);
    for (let row = 0; row < this.rows; row++) {
      const end = (row + 1) * given * vocabularySize;
      const part = data.subarray(end - wanted * vocabularySize, end) as Float32Array | Uint16Array;
      last.set(
        dtype === "float16" ? Float32Array.from(part, float16Value) : part,
        row * wanted * vocabularySize,
      );
    }
    if (last.every((value) => !Number.isNaN(value))) return last;
    throw new SlmError("DATA_INVALID", `teacher: ${where}: returns NaN logits`);
  }

  #requireShape(name: string, got: readonly number[], expected: readonly number[]): void {
    if (got.join() === expected.join()) return;
    throw new SlmError(
      "DATA_INVALID",
      `teacher: ${this.#decoder.where}: output '${name}' has shape [${got.join(", ")}], expected [${expected.join(", ")}]`,
    );
  }

  /** Reorders rows: row i becomes the old row `order[i]`. */
  async permute(order: readonly number[]): Promise<void> {
    for (const cache of Object.values(this.#caches ?? {}))
      await this.#decoder.engine.permuteRows(cache, order);
    this.#read = this.#read.length === 0 ? [] : order.map((row) => this.#read[row]!);
  }

  async close(): Promise<void> {
    await this.#decoder.engine.release(Object.values(this.#caches ?? {}));
    this.#caches = undefined;
  }
}

function joinedIds(rows: readonly Int32Array[]): Int32Array {
  const length = rows[0]!.length;
  const ids = new Int32Array(rows.length * length);
  rows.forEach((row, index) => {
    ids.set(row, index * length);
  });
  return ids;
}
