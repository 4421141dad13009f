/** The key-value pairs at the start of a GGUF file. Source: the format's description, version 3. */
import { SCALARS, shownName, type FileReader, type Scalar } from "@slm/checkpoints";
import { invalid } from "./invalid.js";
import { LIMITS } from "./limits.js";

/** Value types by their number in the file. */
const VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;
type ValueType = (typeof VALUE_TYPES)[number];

/** Arrays of numbers, kept in the file's encoding. */
const NUMBER_ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const satisfies Readonly<Record<Scalar, unknown>>;

type MetadataArray = readonly string[] | readonly boolean[] | InstanceType<(typeof NUMBER_ARRAYS)[Scalar]>;
export type MetadataValue = number | bigint | boolean | string | MetadataArray;
export type Metadata = ReadonlyMap<string, MetadataValue>;

/** Minimum size of an item [bytes], which limits the length of an array by the file size. */
const minimumBytes = (type: ValueType): number => {
  if (type === "string") return 8;
  if (type === "array") return 12;
  return type === "bool" ? 1 : SCALARS[type].bytes;
};

/** Reads all pairs. @throws SlmError DATA_INVALID if they violate the format or the limits */
export async function readMetadata(reader: FileReader, pairs: number): Promise<Metadata> {
  const metadata = new Map<string, MetadataValue>();
  for (let pair = 0; pair < pairs; pair += 1) {
    const key = await reader.text(LIMITS.keyBytes, `key ${pair + 1} of ${pairs}`);
    const where = `metadata '${shownName(key)}'`;
    if (metadata.has(key)) throw invalid(reader.file, `${where} occurs twice`);
    metadata.set(key, await readValue(reader, await readType(reader, where), where));
  }
  return metadata;
}

async function readType(reader: FileReader, where: string): Promise<ValueType> {
  const number = await reader.scalar("uint32", `the type of ${where}`);
  const type = VALUE_TYPES[number];
  if (type === undefined) {
    throw invalid(reader.file, `${where} has type ${number}, expected 0 to ${VALUE_TYPES.length - 1}`);
  }
  return type;
}

async function readValue(reader: FileReader, type: ValueType, where: string): Promise<MetadataValue> {
  if (type === "string") return reader.text(LIMITS.textBytes, where);
  if (type === "bool") return readBool(reader, where);
  if (type === "array") return readArray(reader, where);
  return reader.scalar(type, where);
}

async function readBool(reader: FileReader, where: string): Promise<boolean> {
  const value = await reader.scalar("uint8", where);
  if (value > 1) throw invalid(reader.file, `${where} is ${value}, expected 0 or 1 for a boolean`);
  return value === 1;
}

async function readArray(reader: FileReader, where: string): Promise<MetadataArray> {
  const type = await readType(reader, `the items of ${where}`);
  const length = await reader.count(LIMITS.arrayItems, `the number of items of ${where}`);
  if (type === "array")
    throw invalid(reader.file, `${where} is an array of arrays, which no known model has`);
  if (length * minimumBytes(type) > reader.remaining) {
    throw invalid(
      reader.file,
      `${where} claims ${length} items, the file has ${reader.remaining} bytes left`,
    );
  }
  if (type === "string") {
    const texts: string[] = [];
    for (let at = 0; at < length; at += 1)
      texts.push(await reader.text(LIMITS.textBytes, `item ${at} of ${where}`));
    return texts;
  }
  if (type === "bool") {
    const flags: boolean[] = [];
    for (let at = 0; at < length; at += 1) flags.push(await readBool(reader, `item ${at} of ${where}`));
    return flags;
  }
  return readNumbers(reader, type, length, where);
}

async function readNumbers(
  reader: FileReader,
  type: Scalar,
  length: number,
  where: string,
): Promise<MetadataArray> {
  const bytes = await reader.bytes(length * SCALARS[type].bytes, where);
  return new NUMBER_ARRAYS[type](bytes.buffer);
}
