/**
 * Reads tensors of a PyTorch file (`pytorch_model.bin`) without executing anything. The file is a zip archive with a pickle, which contains the
 * names of the tensors and their places, and one uncompressed file per storage.
 *
 * Source: PyTorch 2.8, torch/serialization.py (`_save`), torch/_utils.py (`_rebuild_tensor_v2`). The format before 1.6 is rejected.
 */
import { open } from "node:fs/promises";
import { decodeStored, storedBytes, type ExternalTensor, type StoredDType } from "@slm/checkpoints";
import { readFailure, SlmError, systemCode } from "@slm/core";
import { openZip } from "@slm/core/zip";
import { toFloat32 } from "@slm/model";
import { elementCount } from "@slm/runtime";
import type { Entry, ZipFile } from "yauzl";
import { CONVERT, isTuple, PickleDict, type PickleValue } from "./pickle-machine.js";
import { readPickle } from "./pickle.js";

/** Type of a storage by the name of its class. */
const STORAGES: Readonly<Record<string, StoredDType>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

class StorageType {
  readonly kind = "storage type";
  readonly dtype: StoredDType;
  constructor(dtype: StoredDType) {
    this.dtype = dtype;
  }
}

class Storage {
  readonly kind = "storage";
  readonly dtype: StoredDType;
  /** Name of its file below data/. */
  readonly key: string;
  readonly elements: number;
  constructor(dtype: StoredDType, key: string, elements: number) {
    this.dtype = dtype;
    this.key = key;
    this.elements = elements;
  }
}

class Tensor {
  readonly kind = "tensor";
  readonly storage: Storage;
  /** Index of the first element in the storage [elements]. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Stride of each axis [elements]. */
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Largest pickle: names and places of a million tensors [bytes]. */
const MAX_PICKLE_BYTES = 1 << 27;
/** Most files of an archive. */
const MAX_ENTRIES = 1_000_000;
/** Most axes of a tensor. */
const MAX_RANK = 8;

/**
 * Lists the tensors of a file; their values stay on disk until they are read.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if it has another format, with the command that converts it
 */
export async function pytorchTensors(file: string): Promise<readonly ExternalTensor[]> {
  const places = await storagePlaces(file);
  const pickle = await readRange(file, places.pickle);
  const value = readPickle(new Uint8Array(pickle), NAMES, file);
  if (!(value instanceof PickleDict)) throw invalid(file, "it does not contain a dictionary");
  return [...value.entries].flatMap(([name, tensor]): ExternalTensor[] => {
    // A dictionary of weights may contain counters in addition to tensors.
    if (!(tensor instanceof Tensor)) return [];
    const place = places.storages.get(tensor.storage.key);
    if (place === undefined) throw invalid(file, `tensor '${name}' is in a storage that is not in the file`);
    checkTensor(tensor, place, (problem) => invalid(file, `tensor '${name}' ${problem}`));
    const { shape, storage } = tensor;
    return [{ name, shape, dtype: storage.dtype, read: () => readTensor(file, name, tensor, place) }];
  });
}

const invalid = (file: string, problem: string): SlmError =>
  new SlmError("DATA_INVALID", `${file}: ${problem}`, { context: { file }, suggestions: [CONVERT] });

/** Range of bytes in a file. */
interface Place {
  readonly begin: number;
  readonly bytes: number;
}

interface Places {
  readonly pickle: Place;
  readonly storages: ReadonlyMap<string, Place>;
}

/** Places of the pickle and the storages. */
async function storagePlaces(file: string): Promise<Places> {
  const zip = await openZip(file).catch((cause: unknown) => {
    if (cause instanceof SlmError || systemCode(cause) !== undefined) throw readFailure(cause, file);
    throw new SlmError(
      "DATA_INVALID",
      `${file}: not a file of PyTorch 1.6 or later: it is not a zip archive`,
      {
        suggestions: [CONVERT],
        cause,
      },
    );
  });
  try {
    if (zip.entryCount > MAX_ENTRIES)
      throw invalid(file, `${zip.entryCount} files, expected at most ${MAX_ENTRIES}`);
    const storages = new Map<string, Place>();
    let pickle: Place | undefined;
    for await (const entry of zip.eachEntry()) {
      // The archive's own name, then data.pkl, byteorder, data/0, data/1, ...
      const inner = entry.fileName.slice(entry.fileName.indexOf("/") + 1);
      if (inner === "data.pkl") pickle = await placeOf(zip, entry, file);
      else if (inner.startsWith("data/"))
        storages.set(inner.slice("data/".length), await placeOf(zip, entry, file));
      else if (inner === "byteorder") await requireLittleEndian(file, await placeOf(zip, entry, file));
    }
    if (pickle === undefined) throw invalid(file, "a zip archive without data.pkl");
    if (pickle.bytes > MAX_PICKLE_BYTES) throw invalid(file, `data.pkl has ${pickle.bytes} bytes`);
    return { pickle, storages };
  } catch (error) {
    if (error instanceof SlmError) throw error;
    throw new SlmError("DATA_INVALID", `${file}: a corrupt zip archive`, {
      suggestions: [CONVERT],
      cause: error,
    });
  } finally {
    zip.close();
  }
}

/** Reads only uncompressed entries, which PyTorch writes. */
async function placeOf(zip: ZipFile, entry: Entry, file: string): Promise<Place> {
  if (entry.compressionMethod !== 0 || entry.isEncrypted() || entry.compressedSize !== entry.uncompressedSize)
    throw invalid(file, `'${entry.fileName}' is compressed or encrypted`);
  const begin = await new Promise<number>((resolve, reject) => {
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) => {
      if (error) reject(error);
      else resolve(header.fileDataStart);
    });
  });
  if (begin + entry.uncompressedSize > zip.fileSize) throw invalid(file, `'${entry.fileName}' ends early`);
  return { begin, bytes: entry.uncompressedSize };
}

async function requireLittleEndian(file: string, place: Place): Promise<void> {
  const order = place.bytes > 16 ? "?" : Buffer.from(await readRange(file, place)).toString("latin1");
  if (order !== "little") throw invalid(file, `byte order '${order}', expected little`);
}

async function readRange(file: string, { begin, bytes }: Place): Promise<ArrayBuffer> {
  const handle = await open(file);
  try {
    const buffer = new ArrayBuffer(bytes);
    let done = 0;
    while (done < bytes) {
      const { bytesRead } = await handle.read(
        new Uint8Array(buffer),
        done,
        Math.min(bytes - done, 1 << 28),
        begin + done,
      );
      if (bytesRead === 0) throw invalid(file, "it ends early");
      done += bytesRead;
    }
    return buffer;
  } finally {
    await handle.close();
  }
}

/** Checks that every element is in the storage. */
function checkTensor(
  { storage, offset, shape, strides }: Tensor,
  place: Place,
  fail: (problem: string) => SlmError,
): void {
  if (storedBytes(storage.dtype, [storage.elements]) !== place.bytes)
    throw fail(
      `is in a storage of ${place.bytes} bytes, expected ${storage.elements} elements of ${storage.dtype}`,
    );
  if (elementCount(shape) === 0) return;
  const last = shape.reduce((at, size, axis) => at + (size - 1) * strides[axis]!, offset);
  if (last >= storage.elements) throw fail(`ends at element ${last} of a storage of ${storage.elements}`);
}

/** All elements in row-major order. */
async function readTensor(file: string, name: string, tensor: Tensor, place: Place): Promise<Float32Array> {
  const { storage, offset, shape, strides } = tensor;
  const width = storedBytes(storage.dtype, [1]);
  const count = elementCount(shape);
  const isDense = isContiguous(shape, strides);
  // A dense tensor is read alone; the elements of a transposed one are picked from its storage.
  const range = isDense ? { begin: place.begin + offset * width, bytes: count * width } : place;
  const stored = { dtype: storage.dtype, shape: [range.bytes / width] };
  const host = toFloat32(decodeStored(name, stored, await readRange(file, range)), name);
  const values = host.data as Float32Array;
  return isDense ? values : pick(values, tensor);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

function pick(values: Float32Array, { offset, shape, strides }: Tensor): Float32Array {
  const picked = new Float32Array(elementCount(shape));
  const index = shape.map(() => 0);
  let at = offset;
  for (let element = 0; element < picked.length; element++) {
    picked[element] = values[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return picked;
}

const isSize = (value: PickleValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

const sizes = (value: PickleValue | undefined): readonly number[] | undefined =>
  isTuple(value) && value.length <= MAX_RANK && value.every(isSize) ? value : undefined;

const NAMES = {
  values: Object.fromEntries(Object.entries(STORAGES).map(([name, dtype]) => [name, new StorageType(dtype)])),
  calls: {
    "collections.OrderedDict": (given: readonly PickleValue[]): PickleValue | undefined =>
      given.length === 0 ? new PickleDict() : undefined,
    // storage, offset, size, stride, requires_grad, backward_hooks, and since 2.1 metadata
    "torch._utils._rebuild_tensor_v2": ([storage, offset, size, stride]: readonly PickleValue[]):
      PickleValue | undefined => {
      const [shape, strides] = [sizes(size), sizes(stride)];
      if (!(storage instanceof Storage) || !isSize(offset) || shape?.length !== strides?.length)
        return undefined;
      return shape === undefined || strides === undefined
        ? undefined
        : new Tensor(storage, offset, shape, strides);
    },
    // data, requires_grad, backward_hooks
    "torch._utils._rebuild_parameter": ([data]: readonly PickleValue[]): PickleValue | undefined =>
      data instanceof Tensor ? data : undefined,
  },
  // ("storage", type, key, location, elements)
  persistent: (id: PickleValue): PickleValue | undefined => {
    if (!isTuple(id)) return undefined;
    const [word, type, key, , elements] = id;
    if (word !== "storage" || !(type instanceof StorageType) || typeof key !== "string" || !isSize(elements))
      return undefined;
    return new Storage(type.dtype, key, elements);
  },
};
