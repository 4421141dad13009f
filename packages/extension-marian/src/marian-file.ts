/**
 * Reads a Marian model in binary format: version, number of items, their descriptions, names, shapes, padding, then data.
 *
 * Source: Marian 1.9, `common/binary.cpp` and `common/types.h`; 8-bit weights, `tensors/cpu/integer_common.h` of its intgemm branch.
 */
import { elementCount } from "@slm/runtime";
import { FileReader, invalidFile, shownName } from "@slm/checkpoints";

const FORMAT = "Marian";
const VERSION = 1;

/** Limits of an untrusted file, far above every published model. */
const LIMITS = {
  /** Items; models of 12 layers have about 500. */
  items: 65_536,
  /** Bytes of a name, including the final zero byte. */
  nameBytes: 256,
  rank: 4,
  elements: 2 ** 31,
  /** Bytes of one item. */
  itemBytes: 2 ** 34,
  /** Bytes of padding before the data. */
  padding: 65_536,
  /** Bytes of the model's settings. */
  settingsBytes: 65_536,
} as const;

/** The item with the model's settings as YAML. */
const SETTINGS = "special:model.yml";

/** An element type: its name, the size of a number of elements, and the conversion to numbers. */
interface ItemType {
  readonly name: string;
  readonly bytes: (elements: number) => number;
  /** @throws SlmError DATA_INVALID for an invalid scale */
  readonly decode?: (view: DataView, elements: number, reject: (message: string) => Error) => Float32Array;
}

/** Types by their numbers in the file. Other types, such as weights packed for one processor, are rejected. */
const TYPES: ReadonlyMap<number, ItemType> = new Map([
  [0x0101, { name: "int8", bytes: (elements) => elements }],
  [
    0x0404,
    {
      name: "float32",
      bytes: (elements) => 4 * elements,
      decode: (view, elements) =>
        Float32Array.from({ length: elements }, (_, at) => view.getFloat32(4 * at, true)),
    },
  ],
  [0x4101, { name: "intgemm8", bytes: (elements) => elements + 4, decode: scaledIntegers }],
]);

/** Integers, followed by the factor that numbers were multiplied by. */
function scaledIntegers(view: DataView, elements: number, reject: (message: string) => Error): Float32Array {
  const factor = view.getFloat32(elements, true);
  if (!Number.isFinite(factor) || factor <= 0) throw reject(`was multiplied by ${factor}`);
  return Float32Array.from({ length: elements }, (_, at) => view.getInt8(at) / factor);
}

/** A tensor of the file. */
export interface MarianTensor {
  readonly name: string;
  /** Shape in the file: matrices have inputs before outputs. */
  readonly shape: readonly number[];
  readonly type: string;
  /** Elements in file order; for 8-bit matrices, outputs first. @throws SlmError DATA_INVALID, INPUT_MISSING */
  read(): Promise<Float32Array>;
}

export interface MarianFile {
  readonly file: string;
  /** The model's settings, YAML. */
  readonly settings: string;
  /** In file order. Names are unique, and the data of all tensors fills the rest of the file. */
  readonly tensors: readonly MarianTensor[];
}

interface Item {
  readonly nameBytes: number;
  readonly type: ItemType;
  readonly rank: number;
  readonly bytes: number;
}

/**
 * Reads a file without the data of its tensors.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if it violates the format or {@link LIMITS}, or has an unsupported
 * type
 */
export async function readMarian(file: string): Promise<MarianFile> {
  const reader = await FileReader.open(file, FORMAT);
  const reject = (message: string): Error => invalidFile(file, message, FORMAT);
  try {
    const version = await reader.scalar("uint64", "the version");
    if (version !== BigInt(VERSION)) throw reject(`its version is ${version}, expected ${VERSION}`);
    const count = await reader.count(LIMITS.items, "the number of items");
    const items: Item[] = [];
    for (let at = 0; at < count; at++)
      items.push(await readItem(reader, `item ${at + 1} of ${count}`, reject));
    const names: string[] = [];
    for (const [at, { nameBytes }] of items.entries())
      names.push(await readName(reader, nameBytes, `the name of item ${at + 1} of ${count}`, reject));
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) throw reject(`item '${shownName(name)}' occurs twice`);
      seen.add(name);
    }
    const shapes: (readonly number[])[] = [];
    for (const [at, item] of items.entries())
      shapes.push(await readShape(reader, item, `item '${shownName(names[at]!)}'`, reject));
    const padding = await reader.count(LIMITS.padding, "the padding before the data");
    let begin = reader.position + padding;
    const placed = items.map((item, at) => {
      const start = begin;
      begin += item.bytes;
      return { ...item, name: names[at]!, shape: shapes[at]!, begin: start };
    });
    if (begin !== reader.size) throw reject(`its items end at byte ${begin} of ${reader.size}`);
    const settings = placed.find(({ name }) => name === SETTINGS);
    if (settings === undefined) throw reject(`it has no item '${SETTINGS}'`);
    return {
      file,
      settings: await readSettings(reader, settings, reject),
      tensors: placed.filter((item) => item !== settings).map((item) => tensorOf(file, item, reject)),
    };
  } finally {
    await reader.close();
  }
}

async function readItem(
  reader: FileReader,
  where: string,
  reject: (message: string) => Error,
): Promise<Item> {
  const nameBytes = await reader.count(LIMITS.nameBytes, `the length of the name of ${where}`);
  const number = await reader.count(2 ** 32, `the type of ${where}`);
  const rank = await reader.count(LIMITS.rank, `the number of axes of ${where}`);
  const bytes = await reader.count(LIMITS.itemBytes, `the size of ${where}`);
  const type = TYPES.get(number);
  if (type !== undefined) return { nameBytes, type, rank, bytes };
  const known = [...TYPES.values()].map(({ name }) => name).join(", ");
  throw reject(
    `${where} has type 0x${number.toString(16)}, which is not supported; expected one of ${known}`,
  );
}

/** A name and its final zero byte. */
async function readName(
  reader: FileReader,
  length: number,
  where: string,
  reject: (message: string) => Error,
): Promise<string> {
  const bytes = await reader.bytes(length, where);
  const text = String.fromCharCode(...bytes.subarray(0, -1));
  if (bytes.at(-1) === 0 && /^[\x21-\x7e]+$/.test(text)) return text;
  throw reject(`${where} is not ASCII text that ends with 0`);
}

async function readShape(
  reader: FileReader,
  { rank, type, bytes }: Item,
  where: string,
  reject: (message: string) => Error,
): Promise<readonly number[]> {
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const size = await reader.scalar("int32", `axis ${axis} of ${where}`);
    if (size < 1) throw reject(`axis ${axis} of ${where} is ${size}, expected at least 1`);
    shape.push(size);
  }
  const elements = elementCount(shape);
  if (elements > LIMITS.elements)
    throw reject(`${where} has shape [${shape.join(", ")}], more than ${LIMITS.elements} elements`);
  if (bytes >= type.bytes(elements)) return shape;
  throw reject(
    `${where} has ${bytes} bytes, expected at least ${type.bytes(elements)} for ${type.name} of shape [${shape.join(", ")}]`,
  );
}

interface PlacedItem extends Item {
  readonly name: string;
  readonly shape: readonly number[];
  readonly begin: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

async function readSettings(
  reader: FileReader,
  { begin, bytes }: PlacedItem,
  reject: (message: string) => Error,
): Promise<string> {
  if (bytes > LIMITS.settingsBytes)
    throw reject(`'${SETTINGS}' has ${bytes} bytes, expected at most ${LIMITS.settingsBytes}`);
  const text = await reader.bytesAt(begin, bytes, `'${SETTINGS}'`);
  try {
    return utf8.decode(text).replace(/\0+$/, "");
  } catch {
    throw reject(`'${SETTINGS}' is not UTF-8 text`);
  }
}

function tensorOf(
  file: string,
  { name, shape, type, begin, bytes }: PlacedItem,
  reject: (message: string) => Error,
): MarianTensor {
  const where = `tensor '${shownName(name)}'`;
  return {
    name,
    shape,
    type: type.name,
    read: async () => {
      if (type.decode === undefined)
        throw reject(`${where} has type ${type.name}, which does not contain numbers`);
      const reader = await FileReader.open(file, FORMAT);
      try {
        const data = await reader.bytesAt(begin, bytes, where);
        return type.decode(new DataView(data.buffer), elementCount(shape), (message) =>
          reject(`${where} ${message}`),
        );
      } finally {
        await reader.close();
      }
    },
  };
}
