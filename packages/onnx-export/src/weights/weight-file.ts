/** Opens a checkpoint whose weights stay in their files until a graph needs them. */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { requireIntact, requireRegular, SlmError } from "@slm/core";
import { matchWeights, toFloat32 } from "@slm/model";
import { locateWeights, parseHeader, readModelConfig, type Checkpoint } from "@slm/checkpoints";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { LazyWeights } from "./lazy-weights.js";

export interface OpenCheckpoint extends Checkpoint {
  /** Closes the weights files. No weights can be read afterwards. */
  readonly close: () => void;
}

type Entry = ReturnType<typeof parseHeader>["entries"] extends Map<string, infer E> ? E : never;

/** The format's limit. A larger header is an attack or a corrupt length. */
const MAX_HEADER_BYTES = 100_000_000;

/** Reads are split because one system call reads less than 2 GiB. */
const READ_STEP = 2 ** 28;

/**
 * Opens a checkpoint directory. It reads the configuration and checks every name and shape, but reads no weights.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH, naming the file.
 */
export async function openCheckpoint(directory: string): Promise<OpenCheckpoint> {
  await requireIntact(directory);
  const config = await readModelConfig(directory);
  const { where, files, check } = await locateWeights(directory);
  const opened: OpenFile[] = [];
  const close = (): void => {
    for (const { handle } of opened) closeSync(handle);
  };
  try {
    for (const file of files) opened.push({ file, handle: openFile(file) });
    const parts = opened.map((part) => ({ ...part, ...readHeader(part) }));
    check(parts.map(({ entries }) => entries));
    const places = new Map(
      parts.flatMap((part) => [...part.entries].map(([name, entry]) => [name, { part, entry }] as const)),
    );
    // The tensors for this check have shapes, but their memory is never touched.
    const shapes = new Map(
      [...places].map(([name, { entry }]) => [name, createHostTensor("float32", entry.shape)]),
    );
    const names = [...matchWeights(config, shapes, where).keys()];
    const weights = new LazyWeights(names, (name) => {
      const { part, entry } = places.get(name)!;
      const { begin, end } = entry;
      const bytes = readBytes(part, { begin: part.dataStart + begin, length: end - begin });
      return toFloat32(hostTensor(entry, bytes, `${part.file}: '${name}'`), name);
    });
    return { config, weights, close };
  } catch (error) {
    close();
    throw error;
  }
}

interface OpenFile {
  readonly file: string;
  readonly handle: number;
}

function openFile(file: string): number {
  try {
    requireRegular(statSync(file), file);
    return openSync(file, "r");
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    throw new SlmError("INPUT_MISSING", `${file}: cannot be read`, { context: { file }, cause });
  }
}

function readHeader(part: OpenFile): {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly dataStart: number;
} {
  const { file, handle } = part;
  const { size } = fstatSync(handle);
  const prefix = readBytes(part, { begin: 0, length: 8 });
  const headerBytes = Number(new DataView(prefix).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > size) {
    throw new SlmError(
      "DATA_INVALID",
      `${file}: not a valid safetensors file: the header claims ${headerBytes} bytes, the file has ${size}`,
      { context: { file } },
    );
  }
  const text = new TextDecoder().decode(readBytes(part, { begin: 8, length: headerBytes }));
  const dataStart = 8 + headerBytes;
  return { entries: parseHeader(text, size - dataStart, file).entries, dataStart };
}

interface Range {
  readonly begin: number;
  readonly length: number;
}

function readBytes({ handle, file }: OpenFile, { begin, length }: Range): ArrayBuffer {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const read = readSync(handle, bytes, done, Math.min(READ_STEP, length - done), begin + done);
    if (read === 0) {
      throw new SlmError("DATA_INVALID", `${file}: expected ${length} bytes at offset ${begin}, got ${done}`);
    }
    done += read;
  }
  return bytes.buffer;
}

/** Supported dtypes of weights, with the array type of each. */
const STORED = {
  F32: (shape: readonly number[], bytes: ArrayBuffer) =>
    createHostTensor("float32", shape, new Float32Array(bytes)),
  F16: (shape: readonly number[], bytes: ArrayBuffer) =>
    createHostTensor("float16", shape, new Uint16Array(bytes)),
  BF16: (shape: readonly number[], bytes: ArrayBuffer) =>
    createHostTensor("bfloat16", shape, new Uint16Array(bytes)),
} as const;

function hostTensor({ dtype, shape }: Entry, bytes: ArrayBuffer, where: string): HostTensor {
  if (dtype === "F32" || dtype === "F16" || dtype === "BF16") return STORED[dtype](shape, bytes);
  throw new SlmError("DATA_INVALID", `${where} is ${dtype}; weights must be F32, F16 or BF16`);
}
