/**
 * safetensors: 8 bytes of header length, a JSON header, raw little-endian data.
 * Source: the format's own description (huggingface/safetensors README), with its limits against malicious headers.
 */
import { open, type FileHandle } from "node:fs/promises";
import { openRegular, SlmError } from "@slm/core";
import { elementCount, type HostTensor } from "@slm/runtime";
import {
  decodeStored,
  isStoredDType,
  storedBytes,
  STORED_AS,
  STORED_DTYPES,
  type StoredDType,
} from "./safetensors-dtypes.js";

/** The format's own limit: a larger header is an attack or a corrupt length. */
const MAX_HEADER_BYTES = 100_000_000;
/** Bytes per read or write: one system call moves less than 2 GiB. */
const STEP_BYTES = 2 ** 28;
/** More axes than any model's tensors have. */
const MAX_RANK = 8;

interface SafetensorsEntry {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

const invalid = (file: string, message: string): SlmError =>
  new SlmError("DATA_INVALID", `${file}: not a valid safetensors file: ${message}`, { context: { file } });

/** Parses the header. Every tensor must be inside the data, fit its shape, and not overlap another tensor. */
export function parseHeader(
  text: string,
  dataBytes: number,
  file: string,
): { metadata: Record<string, string>; entries: Map<string, SafetensorsEntry> } {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${file}: not a valid safetensors file: the header is not JSON`, {
      cause,
    });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    throw invalid(file, "the header is not an object");
  const metadata: Record<string, string> = {};
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(header as Record<string, unknown>)) {
    if (name !== "__metadata__") {
      entries.set(name, parseEntry(name, value, dataBytes, file));
      continue;
    }
    if (typeof value !== "object" || value === null) throw invalid(file, "__metadata__ is not an object");
    for (const [key, item] of Object.entries(value)) {
      if (typeof item !== "string") throw invalid(file, `__metadata__ '${key}' is not text`);
      metadata[key] = item;
    }
  }
  checkLayout([...entries.values()], dataBytes, file);
  return { metadata, entries };
}

function parseEntry(name: string, value: unknown, dataBytes: number, file: string): SafetensorsEntry {
  const fail = (message: string): SlmError => invalid(file, `tensor '${name}': ${message}`);
  if (typeof value !== "object" || value === null) throw fail("is not an object");
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (!isStoredDType(dtype))
    throw fail(`dtype ${JSON.stringify(dtype)} is not one of ${STORED_DTYPES.join(", ")}`);
  const isSize = (item: unknown): item is number =>
    typeof item === "number" && Number.isSafeInteger(item) && item >= 0;
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isSize))
    throw fail("shape is not a list of sizes");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw fail("data_offsets is not [begin, end]");
  const [begin, end] = offsets as [number, number];
  const expected = storedBytes(dtype, shape);
  if (end - begin !== expected)
    throw fail(`${dtype}[${shape.join(",")}] needs ${expected} bytes, data_offsets span ${end - begin}`);
  if (end > dataBytes) throw fail(`ends at byte ${end} of ${dataBytes}; the file is truncated`);
  return { dtype, shape, begin, end };
}

function checkLayout(entries: SafetensorsEntry[], dataBytes: number, file: string): void {
  let position = 0;
  for (const { begin, end } of entries.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) throw invalid(file, `data is not contiguous at byte ${position}`);
    position = end;
  }
  if (position !== dataBytes)
    throw invalid(file, `the file has ${dataBytes} bytes of data, the header describes ${position}`);
}

/** A file with tensors that are read one by one. */
export interface OpenSafetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** @throws SlmError INPUT_MISSING for a name that is not in the file, DATA_INVALID if the file was truncated after it was opened. */
  readonly read: (name: string) => Promise<HostTensor>;
  /** Rows of a tensor, counted along its first axis. @throws SlmError as `read`, and DATA_INVALID for rows that it does not have */
  readonly readRows: (name: string, first: number, count: number) => Promise<HostTensor>;
  readonly close: () => Promise<void>;
}

/**
 * Reads a whole file.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist, DATA_INVALID if it is corrupt.
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
  const { metadata, entries, read, close } = await openSafetensors(file);
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of entries.keys()) tensors.set(name, await read(name));
    return { metadata, tensors };
  } finally {
    await close();
  }
}

/**
 * Opens a file: reads and checks its header, does not read tensors. The caller closes it.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist, DATA_INVALID if it is corrupt.
 */
export async function openSafetensors(file: string): Promise<OpenSafetensors> {
  const handle = await openRegular(file).catch((cause: unknown) => {
    if (cause instanceof SlmError) throw cause;
    throw new SlmError("INPUT_MISSING", `${file}: cannot be read`, { context: { file }, cause });
  });
  try {
    const { size } = await handle.stat();
    if (size < 8) throw invalid(file, `${size} bytes`);
    const headerBytes = Number((await readExactly(handle, 0, 8, file)).readBigUInt64LE(0));
    if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > size) {
      throw invalid(file, `the header claims ${headerBytes} bytes, but the file has ${size}`);
    }
    const text = (await readExactly(handle, 8, headerBytes, file)).toString("utf8");
    const dataBytes = size - 8 - headerBytes;
    const { metadata, entries } = parseHeader(text, dataBytes, file);
    const entryOf = (name: string): SafetensorsEntry => {
      const entry = entries.get(name);
      if (entry === undefined) throw new SlmError("INPUT_MISSING", `${file}: no tensor '${name}'`);
      return entry;
    };
    const readBytes = async (
      name: string,
      { dtype, shape, begin, end }: SafetensorsEntry,
    ): Promise<HostTensor> => {
      const bytes = await readExactly(handle, 8 + headerBytes + begin, end - begin, file);
      return decodeStored(name, { dtype, shape }, bytes.buffer);
    };
    const readRows = async (name: string, first: number, count: number): Promise<HostTensor> => {
      const { dtype, shape, begin } = entryOf(name);
      const [rows = 0, ...rest] = shape;
      if (first < 0 || count < 0 || first + count > rows)
        throw invalid(file, `tensor '${name}' has ${rows} rows, not ${first} to ${first + count}`);
      const from = begin + storedBytes(dtype, [first, ...rest]);
      const wanted = [count, ...rest];
      return readBytes(name, { dtype, shape: wanted, begin: from, end: from + storedBytes(dtype, wanted) });
    };
    const read = async (name: string): Promise<HostTensor> => readBytes(name, entryOf(name));
    return { metadata, entries, read, readRows, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readExactly(
  handle: FileHandle,
  position: number,
  length: number,
  file: string,
): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length;) {
    const step = Math.min(STEP_BYTES, length - done);
    const { bytesRead } = await handle.read(buffer, done, step, position + done);
    if (bytesRead === 0) throw invalid(file, `expected ${length} bytes at ${position}, found ${done}`);
    done += bytesRead;
  }
  return buffer;
}

/** Dtype and shape of a tensor in the header. */
type TensorOutline = Pick<HostTensor, "dtype" | "shape">;

/** A tensor that is produced only when it is written: as a whole, or in pieces. */
export type DeferredTensor = TensorOutline &
  (
    | { readonly read: () => Promise<HostTensor> }
    | { readonly pieces: () => AsyncIterable<HostTensor["data"]> }
  );

/** Length and JSON header of a file, padded with spaces so that the data starts at a multiple of 8. */
function encodeHeader(
  tensors: Iterable<readonly [string, TensorOutline]>,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt", ...metadata } };
  let position = 0;
  for (const [name, tensor] of tensors) {
    const stored = STORED_AS[tensor.dtype];
    const end = position + storedBytes(stored, tensor.shape);
    header[name] = { dtype: stored, shape: tensor.shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, 8);
  return bytes;
}

const bytesOf = ({ data }: HostTensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** The bytes of a safetensors file; the same tensors always give the same bytes. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return Buffer.concat([encodeHeader(tensors, metadata), ...[...tensors.values()].map(bytesOf)]);
}

/**
 * Writes the bytes of {@link encodeSafetensors} tensor by tensor, without a copy of the whole file.
 *
 * @throws SlmError DATA_INVALID for an unsupported dtype; errors of the file system unchanged.
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const deferred = [...tensors].map(([name, tensor]): [string, DeferredTensor] => [
    name,
    { dtype: tensor.dtype, shape: tensor.shape, read: () => Promise.resolve(tensor) },
  ]);
  await writeDeferredSafetensors(file, new Map(deferred), metadata);
}

/**
 * Like {@link writeSafetensors}, with one tensor, or one piece of it, in memory at a time.
 *
 * @throws SlmError SHAPE_MISMATCH if a tensor's dtype or shape differs from the announced one; errors of its `read` unchanged.
 */
export async function writeDeferredSafetensors(
  file: string,
  tensors: ReadonlyMap<string, DeferredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header = encodeHeader(tensors, metadata);
  const handle = await open(file, "w");
  try {
    await writeFully(handle, header);
    for (const [name, tensor] of tensors) {
      let elements = 0;
      for await (const piece of piecesOf(tensor, name, file)) {
        elements += piece.length;
        await writeFully(handle, new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
      }
      if (elements !== elementCount(tensor.shape)) throw notAnnounced(file, name, tensor);
    }
  } finally {
    await handle.close();
  }
}

async function* piecesOf(
  tensor: DeferredTensor,
  name: string,
  file: string,
): AsyncGenerator<HostTensor["data"]> {
  if ("pieces" in tensor) yield* tensor.pieces();
  else {
    const { dtype, shape, data } = await tensor.read();
    if (dtype !== tensor.dtype || shape.join() !== tensor.shape.join())
      throw notAnnounced(file, name, tensor);
    yield data;
  }
}

const notAnnounced = (file: string, name: string, { dtype, shape }: TensorOutline): SlmError =>
  new SlmError("SHAPE_MISMATCH", `${file}: '${name}' is not the ${dtype}[${shape.join()}] announced`);

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const step = Math.min(STEP_BYTES, bytes.byteLength - done);
    done += (await handle.write(bytes, done, step)).bytesWritten;
  }
}
