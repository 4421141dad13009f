/** Bounds the memory that a small malicious file can make a protobuf reader allocate, before the reader runs. */
import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { SlmError } from "@slm/core";
import { ModelProtoSchema } from "onnx-buf";

/**
 * Maximum number of fields of a model file, without tensor bytes. Two bytes of a file can become an object of 300 bytes, so the file size
 * does not limit memory. A graph of 5,000 nodes has about 60,000 fields; the maximum takes about 1 GB.
 */
export const MAX_PARTS = 4_000_000;

/** Deepest nesting of messages; the same as protobuf's own limit. */
const MAX_DEPTH = 100;

/** A packed list of 64-bit integers becomes one bigint per byte at worst, an eighth of the memory of a message. */
const BIGINTS_PER_PART = 8;

const BIGINTS: ReadonlySet<ScalarType> = new Set([ScalarType.INT64, ScalarType.UINT64]);

const fieldsOf = new Map<DescMessage, ReadonlyMap<number, DescField>>();

function fieldOf(schema: DescMessage, number: number): DescField | undefined {
  let fields = fieldsOf.get(schema);
  if (fields === undefined) {
    fields = new Map(schema.fields.map((field) => [field.number, field]));
    fieldsOf.set(schema, fields);
  }
  return fields.get(number);
}

/** Counts the fields of the message that ends at `end`, including nested messages. */
function countParts(reader: BinaryReader, schema: DescMessage, end: number, depth: number): number {
  if (depth > MAX_DEPTH)
    throw new SlmError("DATA_INVALID", `model: messages can be nested at most ${MAX_DEPTH} deep`);
  let parts = 0;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = fieldOf(schema, number);
    parts += 1;
    if (field?.message !== undefined) {
      const length = reader.uint32();
      parts += countParts(reader, field.message, reader.pos + length, depth + 1);
    } else if (wireType === WireType.LengthDelimited) {
      const length = reader.uint32();
      reader.pos += length;
      if (field?.scalar !== undefined && BIGINTS.has(field.scalar))
        parts += Math.ceil(length / BIGINTS_PER_PART);
    } else reader.skip(wireType, number, MAX_DEPTH - depth);
    if (parts > MAX_PARTS) {
      throw new SlmError("DATA_INVALID", `model: the limit is ${MAX_PARTS} fields, this file has more`);
    }
  }
  return parts;
}

/**
 * Rejects a file that would need far more memory than its size.
 *
 * @throws SlmError DATA_INVALID beyond `MAX_PARTS`; protobuf's errors for bytes that are not a message.
 */
export function checkParts(bytes: Uint8Array): void {
  countParts(new BinaryReader(bytes), ModelProtoSchema, bytes.byteLength, 1);
}
