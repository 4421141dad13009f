/** Downloads a bundle and ONNX Runtime, and opens the model in the calling thread. */
import type * as Ort from "onnxruntime-web";
import type { Speculation } from "@slm/generation/speculation";
import { openModel, type Model } from "@slm/inference";
import { SlmError } from "@slm/core/errors";
import {
  createWebRuntime,
  findWebAdapter,
  type OrtModule,
  type WebAdapter,
  type WebProvider,
} from "@slm/runtime-web";
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
  // `crypto.subtle` exists only with https or on localhost.
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (at !== file.bytes || hex !== file.sha256)
    throw new Error(`${file.path}: does not match its hash in the manifest`);
  return bytes;
}

export interface OpenBundleOptions extends Speculation {
  /** Address that the files' paths are relative to. */
  readonly base: URL;
  /** Address of the folder with `ort/` and `gpu/`, ONNX Runtime's builds. */
  readonly runtime: URL;
  readonly provider: WebProvider;
  /** Number of threads. Default: up to four if the page may share memory between threads, else one. */
  readonly threads?: number | undefined;
  /** Called with the number of downloaded bytes and their total. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Number of models opened in this thread, so that each has its own folder among the files in memory. */
let opened = 0;

/**
 * Opens a bundle. Closing the model frees its graphs and the downloaded files.
 *
 * @throws Error for a file that cannot be downloaded or does not match its hash; SlmError as loading a model does
 */
export async function openBundle(
  list: readonly SiteFile[],
  {
    base,
    runtime: runtimeUrl,
    provider,
    threads: asked,
    onProgress,
    signal,
    ...speculation
  }: OpenBundleOptions,
): Promise<Model> {
  const total = list.reduce((sum, { bytes }) => sum + bytes, 0);
  const downloaded = await downloadFiles(list, base, (loaded) => onProgress?.(loaded, total), signal);
  const directory = `bundle-${++opened}`;
  const paths = [...downloaded.keys()].map((path) => `${directory}/${path}`);
  for (const [path, bytes] of downloaded) files.set(`${directory}/${path}`, bytes);
  const forget = (): void => {
    for (const path of paths) files.delete(path);
  };
  try {
    // Threads share memory, which a browser allows only on isolated pages.
    const threads = asked ?? (crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1);
    const adapter = provider === "webgpu" ? await requiredAdapter() : undefined;
    const ort = await loadOrt(runtimeUrl, provider, threads);
    const runtime = createWebRuntime(ort, { provider, threads, files, adapter });
    const closes = async (): Promise<void> => {
      await runtime.close();
      forget();
    };
    const model = await openModel(directory, runtime, { ...speculation, closes });
    await model.warmUp();
    return model;
  } catch (error) {
    forget();
    throw error;
  }
}

/** @throws SlmError DEVICE_UNAVAILABLE in a browser without WebGPU or without an adapter */
async function requiredAdapter(): Promise<WebAdapter> {
  const adapter = await findWebAdapter();
  if (adapter !== undefined) return adapter;
  throw new SlmError("DEVICE_UNAVAILABLE", "this browser does not support WebGPU, or has no adapter for it", {
    suggestions: ['provider: "wasm"'],
  });
}

/** Loads ONNX Runtime's build for the provider: the small build for WebAssembly, the GPU build for WebGPU. */
async function loadOrt(base: URL, provider: WebProvider, threads: number): Promise<OrtModule> {
  const builds: Readonly<Record<WebProvider, { module: string; folder: string }>> = {
    wasm: { module: "ort/ort.wasm.min.mjs", folder: "ort/" },
    webgpu: { module: "gpu/ort.webgpu.min.mjs", folder: "gpu/" },
  };
  const { module, folder } = builds[provider];
  const address = new URL(module, base).href;
  // The comments stop other people's bundlers from bundling this import; the browser fetches it at run time.
  const ort = (await import(/* @vite-ignore */ /* webpackIgnore: true */ address)) as OrtModule &
    Pick<typeof Ort, "env">;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(folder, base).href;
  return ort;
}
