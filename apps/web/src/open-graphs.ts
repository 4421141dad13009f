/** Opens graphs of a bundle with ONNX Runtime, which is downloaded when it is first needed. */
import type * as Ort from "onnxruntime-web";
import { openGraphModel } from "@slm/inference";
import { SlmError } from "@slm/core/errors";
import {
  createWebRuntime,
  findWebAdapter,
  type OrtModule,
  type WebAdapter,
  type WebProvider,
} from "@slm/runtime-web";
import type { OpenModel } from "./open-bundle.js";
import { files } from "./shims/files.js";

export const openGraphs: OpenModel = async (
  directory,
  { runtime: runtimeUrl, provider, threads: asked, downloading, closes },
) => {
  // Threads share memory, which a browser allows only on isolated pages.
  const threads = asked ?? (crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1);
  const adapter = provider === "webgpu" ? await requiredAdapter() : undefined;
  const ort = await loadOrt(runtimeUrl, provider, threads);
  await downloading;
  const runtime = createWebRuntime(ort, { provider, threads, files, adapter });
  return openGraphModel(directory, runtime, {
    closes: async () => {
      await runtime.close();
      await closes();
    },
  });
};

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
