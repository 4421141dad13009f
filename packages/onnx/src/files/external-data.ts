/** Reads external data: only from the model's own folder, and with every range checked against the file size. */
import { open, realpath, stat, type FileHandle } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { SlmError } from "@slm/core";
import {
  TensorProto_DataLocation as Location,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from "onnx-buf";
import { expectedBytes } from "../codec/decode-tensor.js";
import type { ExternalPlace } from "../codec/encode.js";
import type { ExternalBytes } from "../codec/reading.js";
import { shorten } from "../graph/shorten.js";

/** Keys of an external tensor. The checksum covers the whole file and would need a second read, so it is not verified. */
const KEYS: ReadonlySet<string> = new Set(["location", "offset", "length", "checksum"]);

type Range = ExternalPlace;

function externalTensors(graph: GraphProto): TensorProto[] {
  const attributes = graph.node.flatMap((node) => node.attribute);
  return [
    ...graph.initializer,
    ...attributes.flatMap(({ t }) => (t === undefined ? [] : [t])),
    ...attributes.flatMap(({ g }) => (g === undefined ? [] : externalTensors(g))),
  ].filter((tensor) => tensor.dataLocation === Location.EXTERNAL);
}

function wholeNumber(text: string | undefined, fallback: number, where: string): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: offset and length must be integers [bytes], got '${shorten(text)}'`,
  );
}

/**
 * The external data files of a model, each once, relative to its folder. @throws SlmError DATA_INVALID for a path that leaves the folder
 */
export function externalFiles({ graph }: ModelProto): readonly string[] {
  return graph === undefined
    ? []
    : [...new Set(externalTensors(graph).map((tensor) => rangeOf(tensor).file))];
}

/**
 * The external initializers of a model's main graph, with the location of their bytes. @throws SlmError DATA_INVALID for a path that leaves
 * the folder
 */
export function externalRanges({ graph }: ModelProto): readonly (readonly [TensorProto, Range])[] {
  return (graph?.initializer ?? [])
    .filter((tensor) => tensor.dataLocation === Location.EXTERNAL)
    .map((tensor) => [tensor, rangeOf(tensor)]);
}

/** Rejects a path that could leave the folder on any operating system. */
function checkLocation(location: string, where: string): void {
  const parts = location.split("/");
  const leaves =
    isAbsolute(location) || location.startsWith("/") || /[\\:\0]/.test(location) || parts.includes("..");
  if (location !== "" && !leaves) return;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: weights must be in the model's folder, got location '${shorten(location)}'`,
  );
}

function rangeOf(tensor: TensorProto): Range {
  const where = `model: tensor '${shorten(tensor.name)}'`;
  const keys = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const unknown = [...keys.keys()].find((key) => !KEYS.has(key));
  if (unknown !== undefined || keys.size !== tensor.externalData.length) {
    const known = [...KEYS].join(", ");
    throw new SlmError(
      "DATA_INVALID",
      `${where}: external data supports the keys ${known}, each once, got '${shorten(unknown ?? "a repeat")}'`,
    );
  }
  const file = keys.get("location") ?? "";
  checkLocation(file, where);
  const expected = expectedBytes(tensor, where);
  const length = wholeNumber(keys.get("length"), expected, where);
  if (length !== expected) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: its shape needs ${expected} bytes, external data has ${length}`,
    );
  }
  return { file, offset: wholeNumber(keys.get("offset"), 0, where), length };
}

async function openInside(folder: string, file: string): Promise<{ handle: FileHandle; size: number }> {
  const path = join(folder, file);
  const real = await realpath(path).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `model: no weights file '${path}'`, { cause });
  });
  const inside = relative(await realpath(folder), real);
  if (inside.startsWith("..") || isAbsolute(inside)) {
    throw new SlmError(
      "DATA_INVALID",
      `model: weights must be in the model's folder, but '${file}' links to '${real}'`,
      {
        suggestions: ["copy the model and follow its links: cp -rL"],
      },
    );
  }
  if (!(await stat(real)).isFile())
    throw new SlmError("DATA_INVALID", `model: weights '${path}' are not a regular file`);
  const handle = await open(real, "r");
  return { handle, size: (await handle.stat()).size };
}

/** Bytes per read: one system call reads less than 2 GiB. */
const READ_STEP = 2 ** 28;

async function readRange(handle: FileHandle, { file, offset, length }: Range): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(READ_STEP, length - done), offset + done);
    if (bytesRead === 0)
      throw new SlmError("DATA_INVALID", `model: weights '${file}' end before ${offset + length}`);
    done += bytesRead;
  }
  return bytes;
}

function checkRanges(file: string, ranges: readonly Range[], size: number): void {
  const outside = ranges.find(({ offset, length }) => offset + length > size);
  if (outside !== undefined) {
    const { offset, length } = outside;
    throw new SlmError(
      "DATA_INVALID",
      `model: weights '${file}' have ${size} bytes, expected ${length} at offset ${offset}`,
    );
  }
  const total = ranges.reduce((sum, { length }) => sum + length, 0);
  if (total > size) {
    throw new SlmError(
      "DATA_INVALID",
      `model: weights '${file}' have ${size} bytes, but distinct tensors claim ${total}`,
    );
  }
}

export interface ExternalLimits {
  /** Maximum number of bytes to read for all tensors. */
  readonly maxBytes: number;
  /** Larger tensors are checked but not read. Default: all are read. */
  readonly maxTensorBytes?: number;
}

/**
 * Reads the external tensors of a model. Tensors with the same byte range share one array.
 *
 * @throws SlmError INPUT_MISSING if a file is missing; DATA_INVALID if a file is outside `folder`, if a range is outside its
 * file, if distinct ranges together claim more bytes than the file has, or if all of them exceed `maxBytes`.
 */
export async function readExternal(
  model: ModelProto,
  folder: string,
  { maxBytes, maxTensorBytes = Infinity }: ExternalLimits,
): Promise<ExternalBytes> {
  const files = new Map<string, Map<string, { readonly range: Range; readonly tensors: TensorProto[] }>>();
  for (const tensor of model.graph === undefined ? [] : externalTensors(model.graph)) {
    const range = rangeOf(tensor);
    const ranges = files.get(range.file) ?? new Map<string, { range: Range; tensors: TensorProto[] }>();
    files.set(range.file, ranges);
    const key = `${range.offset}+${range.length}`;
    const known = ranges.get(key);
    if (known === undefined) ranges.set(key, { range, tensors: [tensor] });
    else known.tensors.push(tensor);
  }
  const all = [...files.values()].flatMap((ranges) => [...ranges.values()]);
  const isWanted = ({ length }: Range): boolean => length <= maxTensorBytes;
  const total = all.reduce((sum, { range }) => sum + (isWanted(range) ? range.length : 0), 0);
  if (total > maxBytes) {
    throw new SlmError(
      "DATA_INVALID",
      `model: the limit is ${maxBytes} bytes of weights, the model has ${total}`,
    );
  }
  const bytes = new Map<TensorProto, Uint8Array>();
  for (const [file, ranges] of files) {
    const { handle, size } = await openInside(folder, file);
    try {
      checkRanges(
        file,
        [...ranges.values()].map(({ range }) => range),
        size,
      );
      for (const { range, tensors } of ranges.values()) {
        if (!isWanted(range)) continue;
        const data = await readRange(handle, range);
        for (const tensor of tensors) bytes.set(tensor, data);
      }
    } finally {
      await handle.close();
    }
  }
  return bytes;
}
