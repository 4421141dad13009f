/** Writes small GGUF files for tests, valid and invalid ones. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

type Item = number | boolean | string;

/** A value with its type, by the format's name; a list is an array of that type. */
export interface TypedValue {
  readonly type: "uint32" | "int32" | "float32" | "bool" | "string" | "uint64";
  readonly value: Item | readonly Item[];
}

export interface TensorSpec {
  readonly name: string;
  /** Slowest axis first. */
  readonly shape: readonly number[];
  /** The number of the type; 0 is F32. */
  readonly type?: number;
  readonly data?: Uint8Array;
  /** From the start of the data. Default: after the previous tensor. */
  readonly offset?: number;
}

export interface GgufSpec {
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, TypedValue>>;
  readonly tensors?: readonly TensorSpec[];
  readonly alignment?: number;
}

export const text = (value: string | readonly string[]): TypedValue => ({ type: "string", value });
export const u32 = (value: number | readonly number[]): TypedValue => ({ type: "uint32", value });
export const i32 = (value: readonly number[]): TypedValue => ({ type: "int32", value });
export const f32 = (value: number | readonly number[]): TypedValue => ({ type: "float32", value });
export const bool = (value: boolean): TypedValue => ({ type: "bool", value });

const TYPE_NUMBERS = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, uint64: 10 } as const;
const ARRAY = 9;

class Writer {
  readonly #parts: Buffer[] = [];
  length = 0;

  bytes(part: Uint8Array): this {
    this.#parts.push(Buffer.from(part));
    this.length += part.length;
    return this;
  }

  number(bytes: number, write: (buffer: Buffer) => unknown): this {
    const buffer = Buffer.alloc(bytes);
    write(buffer);
    return this.bytes(buffer);
  }

  u32(value: number): this {
    return this.number(4, (buffer) => buffer.writeUInt32LE(value));
  }

  u64(value: number): this {
    return this.number(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
  }

  text(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    return this.u64(bytes.length).bytes(bytes);
  }

  item(type: TypedValue["type"], value: Item): this {
    if (type === "string") return this.text(value as string);
    if (type === "bool") return this.bytes(Uint8Array.of(value ? 1 : 0));
    if (type === "uint64") return this.u64(value as number);
    return this.number(4, (buffer) => {
      if (type === "uint32") buffer.writeUInt32LE(value as number);
      if (type === "int32") buffer.writeInt32LE(value as number);
      if (type === "float32") buffer.writeFloatLE(value as number);
    });
  }

  value({ type, value }: TypedValue): this {
    if (!Array.isArray(value)) return this.u32(TYPE_NUMBERS[type]).item(type, value as Item);
    this.u32(ARRAY).u32(TYPE_NUMBERS[type]).u64(value.length);
    for (const item of value as readonly Item[]) this.item(type, item);
    return this;
  }

  concat(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The bytes of a file. */
export function ggufBytes({ version = 3, metadata = {}, tensors = [], alignment = 32 }: GgufSpec): Buffer {
  const writer = new Writer();
  const pairs = Object.entries(metadata);
  writer.bytes(Buffer.from("GGUF")).u32(version).u64(tensors.length).u64(pairs.length);
  for (const [key, value] of pairs) writer.text(key).value(value);
  const aligned = (at: number): number => Math.ceil(at / alignment) * alignment;
  let place = 0;
  const placed = tensors.map((tensor) => {
    const data = tensor.data ?? new Uint8Array(tensor.shape.reduce((a, b) => a * b, 4));
    const offset = tensor.offset ?? place;
    place = aligned(offset + data.length);
    return { ...tensor, data, offset };
  });
  for (const { name, shape, type = 0, offset } of placed) {
    writer.text(name).u32(shape.length);
    for (const size of [...shape].reverse()) writer.u64(size);
    writer.u32(type).u64(offset);
  }
  const start = aligned(writer.length);
  const end = Math.max(start, ...placed.map(({ offset, data }) => start + offset + data.length));
  const bytes = Buffer.alloc(end);
  writer.concat().copy(bytes);
  for (const { offset, data } of placed) bytes.set(data, start + offset);
  return bytes;
}

/** Writes bytes to a file that is deleted after the test. */
export async function temporaryGguf(bytes: Uint8Array): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "slm-gguf-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, "model.gguf");
  await writeFile(file, bytes);
  return file;
}
