/** Downloads a bundle and ONNX Runtime, and opens the model in the calling thread. */
import { loadGenerator, type Generator } from "@slm/inference";
import type * as Ort from "onnxruntime-web";
import { createWebRuntime, type OrtModule, type WebProvider } from "@slm/runtime-web";
import { downloadFiles } from "./download.js";
import type { SiteFile } from "./messages.js";
import { files } from "./shims/files.js";

export interface OpenBundleOptions {
  /** Address that the files' paths start from. */
  readonly base: URL;
  /** Address of the folders `ort/` and `gpu/` with ONNX Runtime's builds. */
  readonly runtime: URL;
  readonly provider: WebProvider;
  /** Default: up to four, where the page may share memory between threads; else one. */
  readonly threads?: number | undefined;
  /** Told how many bytes have come, of how many. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedBundle {
  readonly generator: Generator;
  readonly threads: number;
  /** Gives back the graphs and the downloaded files. */
  readonly close: () => Promise<void>;
}

/** Models that were opened in this thread: each has a folder of its own among the files in memory. */
let opened = 0;

/** @throws Error for a file that cannot be had or is not what it should be; SlmError as loading a model does */
export async function openBundle(
  list: readonly SiteFile[],
  { base, runtime: runtimeUrl, provider, threads: asked, onProgress, signal }: OpenBundleOptions,
): Promise<OpenedBundle> {
  const total = list.reduce((sum, { bytes }) => sum + bytes, 0);
  const downloaded = await downloadFiles(list, base, (loaded) => onProgress?.(loaded, total), signal);
  const directory = `bundle-${++opened}`;
  const paths = [...downloaded.keys()].map((path) => `${directory}/${path}`);
  for (const [path, bytes] of downloaded) files.set(`${directory}/${path}`, bytes);
  const forget = (): void => {
    for (const path of paths) files.delete(path);
  };
  try {
    // Threads share memory, which a browser allows to isolated pages only.
    const threads = asked ?? (crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1);
    const ort = await loadOrt(runtimeUrl, provider, threads);
    const runtime = createWebRuntime(ort, { provider, threads, files });
    const generator = await loadGenerator(directory, runtime);
    await generator.warmUp();
    const close = async (): Promise<void> => {
      await generator.close();
      await runtime.close();
      forget();
    };
    return { generator, threads, close };
  } catch (error) {
    forget();
    throw error;
  }
}

/** ONNX Runtime's build for the provider: the small one, unless a GPU is asked for. */
async function loadOrt(base: URL, provider: WebProvider, threads: number): Promise<OrtModule> {
  const builds: Readonly<Record<WebProvider, { module: string; folder: string }>> = {
    wasm: { module: "ort/ort.wasm.min.mjs", folder: "ort/" },
    webgpu: { module: "gpu/ort.webgpu.min.mjs", folder: "gpu/" },
  };
  const { module, folder } = builds[provider];
  const address = new URL(module, base).href;
  // Bundlers of others leave it alone: it is fetched from where the files are.
  const ort = (await import(/* @vite-ignore */ /* webpackIgnore: true */ address)) as OrtModule &
    Pick<typeof Ort, "env">;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(folder, base).href;
  return ort;
}
