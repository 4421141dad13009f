/** Downloads a bundle, and opens the model in the calling thread. */
import {
  chooseEngine,
  DEVICE_MODEL_FILE,
  filesOfEngine,
  readDeviceModel,
  type EngineName,
} from "@slm/exported-model";
import type { Model } from "@slm/inference";
import type { WebProvider } from "@slm/runtime-web";
import { checkFile } from "./bundle-files.js";
import { type SiteFile, fileUrl } from "./messages.js";
import { files } from "./shims/files.js";

/**
 * Downloads the files of a bundle, and compares them with their hashes.
 *
 * @param onBytes called with the number of bytes downloaded so far
 * @throws Error with the name of a file that failed to download or does not match its hash
 */
async function downloadFiles(
  list: readonly SiteFile[],
  base: URL,
  onBytes: (loaded: number) => void,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  let loaded = 0;
  const count = (bytes: number): void => {
    loaded += bytes;
    onBytes(loaded);
  };
  const entries = await Promise.all(
    list.map(async (file) => [file.path, await downloadFile(file, base, count, signal)] as const),
  );
  return new Map(entries);
}

async function downloadFile(
  file: SiteFile,
  base: URL,
  count: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const response = await fetch(fileUrl(base, file), { signal: signal ?? null });
  if (!response.ok || response.body === null)
    throw new Error(`${file.path}: the server answered ${response.status}`);
  const bytes = new Uint8Array(file.bytes);
  let at = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.byteLength > file.bytes)
      throw new Error(`${file.path}: expected ${file.bytes} bytes, got more`);
    bytes.set(value, at);
    at += value.byteLength;
    count(value.byteLength);
  }
  await checkFile(file, bytes.subarray(0, at));
  return bytes;
}

export interface OpenBundleOptions {
  /** Address that the files' paths are relative to. */
  readonly base: URL;
  /** Address of the folder with `kernels.wasm`, `ort/` and `gpu/`. */
  readonly runtime: URL;
  readonly provider: WebProvider;
  /** What runs the model. Default: WebAssembly for a model with a portable form, unless the provider is WebGPU. */
  readonly engine?: EngineName | undefined;
  /** Number of ONNX Runtime's threads. Default: up to four if the page may share memory between threads, else one. */
  readonly threads?: number | undefined;
  /** Called with the number of downloaded bytes and their total. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Opens a model, by engine. A page that has one engine contains no code of the other. */
  readonly openers: Partial<Readonly<Record<EngineName, OpenModel>>>;
}

/** Opens the model in a folder among the files in memory. */
export type OpenModel = (directory: string, request: OpenRequest) => Promise<Model>;

interface OpenRequest extends Pick<OpenBundleOptions, "runtime" | "provider" | "threads" | "signal"> {
  /** Why the engine was chosen. */
  readonly reason: string;
  /** Settles when the files are in memory. */
  readonly downloading: Promise<void>;
  readonly closes: () => Promise<void>;
}

/** Number of models opened in this thread, so that each has its own folder among the files in memory. */
let opened = 0;

/**
 * Opens a bundle: its portable form in WebAssembly, or its graphs in ONNX Runtime. Only the files that the engine reads are downloaded. Closing the
 * model frees them.
 *
 * @throws Error for a file that cannot be downloaded or does not match its hash; SlmError as loading a model does
 */
export async function openBundle(list: readonly SiteFile[], options: OpenBundleOptions): Promise<Model> {
  const { base, runtime, provider, engine: asked, threads, onProgress, signal, openers } = options;
  const directory = `bundle-${++opened}`;
  const download = async (wanted: readonly SiteFile[], onBytes: (loaded: number) => void): Promise<void> => {
    for (const [path, bytes] of await downloadFiles(wanted, base, onBytes, signal))
      files.set(`${directory}/${path}`, bytes);
  };
  const closes = (): Promise<void> => {
    for (const { path } of list) files.delete(`${directory}/${path}`);
    return Promise.resolve();
  };
  try {
    // The description says which of the other files are read.
    const isDescription = ({ path }: SiteFile): boolean => path === DEVICE_MODEL_FILE;
    await download(list.filter(isDescription), () => undefined);
    const description = await readDeviceModel(directory);
    const device = provider === "webgpu" ? "gpu" : undefined;
    const { engine, reason } = chooseEngine(description, { engine: asked, device, inBrowser: true });
    const paths = list.map(({ path }) => path);
    const read = new Set(filesOfEngine(description, paths, engine));
    const needed = list.filter((file) => !isDescription(file) && read.has(file.path));
    const total = needed.reduce((sum, { bytes }) => sum + bytes, 0);
    const downloading = download(needed, (loaded) => onProgress?.(loaded, total));
    const open = openers[engine];
    if (open === undefined) throw new Error(`this page cannot run a model on ${engine}`);
    const request = { runtime, provider, threads, signal, reason, downloading, closes };
    const [model] = await Promise.all([open(directory, request), downloading]);
    await model.warmUp();
    return model;
  } catch (error) {
    await closes();
    throw error;
  }
}
