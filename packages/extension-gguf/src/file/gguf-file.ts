/**
 * A GGUF file: magic, version, counts, metadata, tensor descriptions, then aligned data.
 * Source: the format's description (ggml, docs/gguf.md), versions 2 and 3, little-endian.
 */
import { FileReader, shownName } from "@slm/checkpoints";
import { elementCount } from "@slm/runtime";
import type { BlockType } from "../types/block-type.js";
import { TENSOR_TYPES, tensorType } from "../types/tensor-types.js";
import { invalid } from "./invalid.js";
import { LIMITS } from "./limits.js";
import { readMetadata, type Metadata } from "./metadata.js";

const MAGIC = 0x46554747;
const VERSIONS: readonly number[] = [2, 3];
const DEFAULT_ALIGNMENT = 32;

export interface GgufTensor {
  readonly name: string;
  /** Slowest axis first, as in PyTorch; the file has the reverse order. */
  readonly shape: readonly number[];
  readonly type: BlockType;
  /** Offset of its data [bytes from the start of the file]. */
  readonly begin: number;
  readonly end: number;
}

export interface GgufFile {
  readonly file: string;
  readonly version: number;
  readonly metadata: Metadata;
  /** In file order; names are unique, data is inside the file and does not overlap. */
  readonly tensors: readonly GgufTensor[];
}

/**
 * Reads a file without the data of its tensors.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if it violates the format or {@link LIMITS}
 */
export async function readGguf(file: string): Promise<GgufFile> {
  const reader = await FileReader.open(file, "GGUF");
  try {
    const version = await readVersion(reader);
    const tensors = await reader.count(LIMITS.tensors, "the number of tensors");
    const pairs = await reader.count(LIMITS.metadataPairs, "the number of metadata pairs");
    const metadata = await readMetadata(reader, pairs);
    const described = await readDescriptions(reader, tensors);
    const alignment = alignmentOf(file, metadata);
    const data = Math.ceil(reader.position / alignment) * alignment;
    return { file, version, metadata, tensors: placeTensors(reader, described, data, alignment) };
  } finally {
    await reader.close();
  }
}

async function readVersion(reader: FileReader): Promise<number> {
  const magic = await reader.scalar("uint32", "the magic number");
  if (magic !== MAGIC) throw invalid(reader.file, "it does not start with 'GGUF'");
  const version = await reader.scalar("uint32", "the version");
  if (VERSIONS.includes(version)) return version;
  const isSwapped = version !== 0 && (version & 0xffff) === 0;
  throw invalid(
    reader.file,
    isSwapped
      ? "it is big-endian, which is not supported"
      : `its version is ${version}, expected ${VERSIONS.join(" or ")}`,
  );
}

interface Description {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: BlockType;
  /** From the start of the data. */
  readonly offset: number;
}

async function readDescriptions(reader: FileReader, count: number): Promise<Description[]> {
  const names = new Set<string>();
  const described: Description[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = await reader.text(LIMITS.tensorNameBytes, `the name of tensor ${index + 1} of ${count}`);
    const where = `tensor '${shownName(name)}'`;
    if (names.has(name)) throw invalid(reader.file, `${where} occurs twice`);
    names.add(name);
    const shape = await readShape(reader, where);
    const type = await readType(reader, shape, where);
    const offset = await reader.count(LIMITS.offset, `the offset of ${where}`);
    described.push({ name, shape, type, offset });
  }
  return described;
}

async function readShape(reader: FileReader, where: string): Promise<readonly number[]> {
  const rank = await reader.scalar("uint32", `the number of axes of ${where}`);
  if (rank < 1 || rank > LIMITS.rank) {
    throw invalid(reader.file, `${where} has ${rank} axes, expected 1 to ${LIMITS.rank}`);
  }
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis += 1) {
    const size = await reader.count(LIMITS.elements, `axis ${axis} of ${where}`);
    if (size === 0) throw invalid(reader.file, `axis ${axis} of ${where} is 0, expected at least 1`);
    shape.unshift(size);
  }
  if (elementCount(shape) > LIMITS.elements) {
    throw invalid(
      reader.file,
      `${where} has shape [${shape.join(", ")}], more than ${LIMITS.elements} elements`,
    );
  }
  return shape;
}

async function readType(reader: FileReader, shape: readonly number[], where: string): Promise<BlockType> {
  const number = await reader.scalar("uint32", `the type of ${where}`);
  const type = tensorType(number);
  if (type === undefined || typeof type === "string") {
    throw invalid(
      reader.file,
      `${where} has type ${type ?? String(number)}, which is not supported; expected one of ${TENSOR_TYPES.join(", ")}`,
    );
  }
  const row = shape.at(-1)!;
  if (row % type.elements === 0) return type;
  throw invalid(
    reader.file,
    `${where} has rows of ${row}, not a multiple of the ${type.elements} of ${type.name}`,
  );
}

function alignmentOf(file: string, metadata: Metadata): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const isUsable =
    typeof alignment === "number" &&
    alignment >= 8 &&
    alignment <= LIMITS.alignment &&
    Number.isInteger(Math.log2(alignment));
  if (isUsable) return alignment;
  throw invalid(
    file,
    `general.alignment is ${String(alignment).slice(0, 80)}, expected a power of two from 8 to ${LIMITS.alignment}`,
  );
}

/** Tensor offsets, checked: aligned, inside the file, without overlap. */
function placeTensors(
  { file, size }: FileReader,
  described: readonly Description[],
  data: number,
  alignment: number,
): GgufTensor[] {
  const tensors = described.map(({ name, shape, type, offset }) => {
    const where = `tensor '${shownName(name)}'`;
    if (offset % alignment !== 0) {
      throw invalid(file, `${where} starts at byte ${offset} of the data, not a multiple of ${alignment}`);
    }
    const begin = data + offset;
    const end = begin + (elementCount(shape) / type.elements) * type.bytes;
    if (end > size) throw invalid(file, `${where} ends at byte ${end} of ${size}; the file is truncated`);
    return { name, shape, type, begin, end };
  });
  const inOrder = [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
  for (const [index, { name, begin }] of inOrder.entries()) {
    const before = inOrder[index - 1];
    if (before === undefined || before.end <= begin) continue;
    throw invalid(
      file,
      `tensors '${shownName(before.name)}' and '${shownName(name)}' overlap at byte ${begin}`,
    );
  }
  return tensors;
}
