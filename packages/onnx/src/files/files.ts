/** Reads and writes model files. Files are written completely or not at all, and sizes are checked before reading. */
import { randomUUID } from "node:crypto";
import { open, readFile, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { movePath, SlmError } from "@slm/core";
import { graphOf, parseModel } from "../codec/decode.js";
import { MAX_MODEL_BYTES, encodeWithPlaces, type ExternalPlaces } from "../codec/encode.js";
import { readExternal } from "./external-data.js";
import { EXTERNAL_MIN_BYTES, layOutExternal } from "./external-layout.js";
import type { Graph, Initializer } from "../graph/graph.js";

/**
 * Default limit of all external data: enough for a 7-billion-parameter teacher in float16, but small enough to stop a malicious sparse file
 * from filling the memory.
 */
const MAX_EXTERNAL_BYTES = 2 ** 34;

export interface WriteOnnxOptions {
  /** Store larger weights as external data in `file`, a file name in the model's folder. */
  readonly externalData?: {
    readonly file: string;
    /** Weights of fewer bytes stay in the model. Default 1024. */
    readonly minBytes?: number;
    /**
     * Returns the bytes of a weight. It is called once, when the weight is written, so the graph can be larger than memory: `data` needs
     * only the right size, and memory that is never touched is not allocated. Default: the weight's own `data`.
     */
    readonly content?: (weight: Initializer) => Uint8Array;
  };
}

/** One model of a set that shares a weights file. */
export interface ModelFile {
  readonly graph: Graph;
  readonly path: string;
}

export interface ReadOnnxOptions {
  /** Maximum number of bytes of external weights. Default 16 GiB. */
  readonly maxExternalBytes?: number;
}

/** Bytes per write: one system call writes less than 2 GiB. */
const WRITE_STEP = 2 ** 28;

async function writeAt(handle: FileHandle, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.byteLength;) {
    const step = Math.min(WRITE_STEP, data.byteLength - done);
    done += (await handle.write(data, done, step, position + done)).bytesWritten;
  }
}

type Chunks = readonly { readonly offset: number; readonly data: () => Uint8Array }[];

/** Writes a file under a temporary name and flushes it. Gaps between chunks are zero. */
async function writeAside(path: string, chunks: Chunks): Promise<string> {
  const aside = `${path}.${randomUUID()}.part`;
  const handle = await open(aside, "wx");
  try {
    for (const { offset, data } of chunks) await writeAt(handle, data(), offset);
    await handle.sync();
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return aside;
}

async function writeWhole(
  files: readonly { readonly path: string; readonly chunks: Chunks }[],
): Promise<void> {
  const written: { aside: string; path: string }[] = [];
  try {
    for (const { path, chunks } of files) written.push({ aside: await writeAside(path, chunks), path });
    for (const { aside, path } of written) await movePath(aside, path);
  } catch (cause) {
    for (const { aside } of written) await rm(aside, { force: true });
    if (cause instanceof SlmError) throw cause;
    const reason = cause instanceof Error ? cause.message : "unknown";
    throw new SlmError("OUTPUT_FAILED", `graph: cannot write '${files.at(-1)?.path ?? ""}': ${reason}`, {
      cause,
    });
  }
}

function checkExternalName(file: string, path: string): void {
  if (file !== "" && file !== "." && file !== ".." && !/[/\\:\0]/.test(file) && file !== basename(path))
    return;
  throw new SlmError(
    "DATA_INVALID",
    `graph: the weights file must be a file name in the folder of '${basename(path)}', got '${file}'`,
  );
}

/**
 * Writes a graph as an ONNX file. The files appear under their names only when they are complete, weights before the model.
 *
 * Writes: `path`, and `externalData.file` in the same folder if any weight is large enough. Weights are written without a copy. Weights
 * that share bytes in memory are stored once.
 *
 * @throws SlmError DATA_INVALID if the graph is not valid; OUTPUT_FAILED if a write fails.
 */
export async function writeOnnx(
  graph: Graph,
  path: string,
  options: WriteOnnxOptions = {},
): Promise<{ readonly bytes: number }> {
  const { externalData } = options;
  if (externalData !== undefined) {
    const [written] = await writeOnnxSet([{ graph, path }], externalData);
    return { bytes: written!.bytes };
  }
  const model = encodeWithPlaces(graph, new Map());
  await writeWhole([{ path, chunks: [{ offset: 0, data: () => model }] }]);
  return { bytes: model.byteLength };
}

/**
 * Writes graphs of one folder as ONNX files that share one weights file. Weights that share bytes in memory are stored once, also across
 * graphs. Otherwise like {@link writeOnnx}.
 *
 * @returns for each graph, the bytes of its model file and of its weights.
 */
export async function writeOnnxSet(
  models: readonly ModelFile[],
  externalData: NonNullable<WriteOnnxOptions["externalData"]>,
): Promise<readonly { readonly bytes: number }[]> {
  const { file, minBytes = EXTERNAL_MIN_BYTES, content = storedBytes } = externalData;
  const folders = new Set(models.map(({ path }) => dirname(path)));
  if (folders.size !== 1) {
    throw new SlmError("DATA_INVALID", `graph: models that share '${file}' must be in one folder`);
  }
  for (const { path } of models) checkExternalName(file, path);
  const layout = layOutExternal(
    models.map(({ graph }) => graph.initializers.values()),
    file,
    minBytes,
  );
  const encoded = models.map(({ graph, path }, index) => {
    const places = layout.places[index]!;
    // The file of a single graph contains its weights and alignment gaps.
    const weights = models.length === 1 ? layout.size : bytesRead(places);
    return { path, model: encodeWithPlaces(graph, places), weights };
  });
  const chunks = layout.chunks.map(({ offset, initializer }) => ({
    offset,
    data: () => checkedContent(initializer, content),
  }));
  const weights = layout.size === 0 ? [] : [{ path: join([...folders][0]!, file), chunks }];
  const files = encoded.map(({ path, model }) => ({ path, chunks: [{ offset: 0, data: () => model }] }));
  await writeWhole([...weights, ...files]);
  return encoded.map(({ model, weights: read }) => ({ bytes: model.byteLength + read }));
}

const storedBytes = ({ data }: Initializer): Uint8Array => data;

/** Bytes of the weights at these file ranges, each range counted once. */
function bytesRead(places: ExternalPlaces): number {
  const distinct = new Map([...places.values()].map(({ offset, length }) => [offset, length]));
  return [...distinct.values()].reduce((sum, length) => sum + length, 0);
}

function checkedContent(initializer: Initializer, content: (weight: Initializer) => Uint8Array): Uint8Array {
  const bytes = content(initializer);
  if (bytes.byteLength === initializer.data.byteLength) return bytes;
  throw new SlmError(
    "DATA_INVALID",
    `graph: weight '${initializer.name}' has ${initializer.data.byteLength} bytes, but its content has ${bytes.byteLength}`,
  );
}

/** Reads a model file after checking its size. @throws SlmError INPUT_MISSING or DATA_INVALID. */
export async function readModelBytes(path: string): Promise<Uint8Array> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `model: no such file: ${path}`, { cause });
  });
  if (!info.isFile()) throw new SlmError("DATA_INVALID", `model: ${path} is not a regular file`);
  if (info.size > MAX_MODEL_BYTES) {
    throw new SlmError(
      "DATA_INVALID",
      `model: the limit is ${MAX_MODEL_BYTES} bytes, ${path} has ${info.size}`,
    );
  }
  const bytes = await readFile(path);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Reads an ONNX file and its external data.
 *
 * Reads only `path` and its external data in the same folder. Paths with `..` and links out of the folder are rejected.
 *
 * @throws SlmError INPUT_MISSING if a file is missing; DATA_INVALID as `decodeModel` does, and for weights outside
 * the folder, outside their file, or beyond `maxExternalBytes`.
 */
export async function readOnnx(path: string, options: ReadOnnxOptions = {}): Promise<Graph> {
  const model = parseModel(await readModelBytes(path));
  const maxBytes = options.maxExternalBytes ?? MAX_EXTERNAL_BYTES;
  return graphOf(model, await readExternal(model, dirname(path), { maxBytes }));
}
