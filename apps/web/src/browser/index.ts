/**
 * slm in a browser: loads a bundle by its address and generates text, on WebAssembly or WebGPU. It computes in the calling thread. To
 * keep a page responsive, call it in a worker.
 *
 * @module @encdec/slm/browser
 */
import type { Model } from "@slm/inference";
import { openBundle } from "../open-bundle.js";
import { openGraphs } from "../open-graphs.js";
import { openPortable } from "../open-portable.js";
import { readBundleFiles } from "./bundle-files.js";

export { SlmError, type ErrorCode } from "@slm/core/errors";
export type { GenerateOptions, Generation, Model, Source } from "@slm/inference";
export { imageOfBlob } from "../page-image.js";

/** What runs the model, and where it is downloaded from. */
export interface OpenModelOptions {
  /** Default: `wasm`. `webgpu` where the browser has an adapter. */
  readonly provider?: "wasm" | "webgpu" | undefined;
  /** Default: WebAssembly without ONNX Runtime for a model with a portable form, unless the provider is WebGPU. */
  readonly engine?: "wasm" | "onnxruntime" | undefined;
  /**
   * Address of the folder with `kernels.wasm`, or with `ort/` and `gpu/`, ONNX Runtime's builds. Default: the parent folder of the bundle, where
   * `slm deploy --to web` puts them.
   */
  readonly runtime?: string | URL | undefined;
  /** Number of ONNX Runtime's threads. Default: up to four on a cross-origin isolated page, else one. */
  readonly threads?: number | undefined;
  /** Called with the number of downloaded bytes and their total. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  /** Stops the downloads when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a model from its bundle. Every file is compared with its hash in the manifest.
 *
 * @param bundle address of the bundle's folder, which contains manifest.json
 * @throws Error for a file that cannot be downloaded or fails its hash check; SlmError for a model that a browser cannot run
 * @example
 * const model = await openModel("https://example.org/site/model/");
 * for await (const piece of model.stream("hello")) output.textContent += piece;
 */
export async function openModel(bundle: string | URL, options: OpenModelOptions = {}): Promise<Model> {
  const base = folderOf(bundle);
  const { provider = "wasm", engine, threads, onProgress, signal } = options;
  const runtime = options.runtime === undefined ? new URL("..", base) : folderOf(options.runtime);
  const files = await readBundleFiles(base, signal);
  return openBundle(files, {
    base,
    runtime,
    provider,
    engine,
    threads,
    onProgress,
    signal,
    openers: { wasm: openPortable, onnxruntime: openGraphs },
  });
}

/** Resolves a folder's address against the page, with a slash at its end. */
function folderOf(address: string | URL): URL {
  const url = new URL(address, globalThis.location.href);
  return url.pathname.endsWith("/") ? url : new URL(`${url.pathname}/${url.search}`, url);
}
