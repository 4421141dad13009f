/** The model in a thread of its own, so that the page stays responsive. */
import { loadGenerator, type Generator } from "@slm/inference";
import type * as Ort from "onnxruntime-web";
import { createWebRuntime, type OrtModule, type WebProvider } from "@slm/runtime-web";
import { downloadFiles } from "./download.js";
import type { FromWorker, ToWorker } from "./messages.js";
import { imageOfBlob } from "./page-image.js";
import { files } from "./shims/files.js";

/** What a worker has and a page has not; TypeScript's types of both cannot be loaded together. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = self as unknown as WorkerScope;
const MODEL_DIRECTORY = "model";

let generator: Generator | undefined;
let stopping = new AbortController();

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case "load":
      void guarded("load", () => load(data));
      return;
    case "answer":
      void guarded("answer", () => answer(data));
      return;
    case "stop":
      stopping.abort();
  }
};

async function guarded(during: "load" | "answer", body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    scope.postMessage({
      kind: "failed",
      during,
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

async function load({ site, base, provider }: Extract<ToWorker, { kind: "load" }>): Promise<void> {
  const startedAt = performance.now();
  const total = site.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const downloaded = await downloadFiles(site.files, base, (loaded) => {
    scope.postMessage({ kind: "progress", loaded, total });
  });
  for (const [path, bytes] of downloaded) files.set(path, bytes);
  const { ort, threads } = await loadOrt(base, provider);
  generator = await loadGenerator(MODEL_DIRECTORY, createWebRuntime(ort, { provider, threads, files }));
  await generator.warmUp();
  const { vision } = generator.model;
  scope.postMessage({
    ...{ kind: "ready", provider, threads, loadMs: performance.now() - startedAt },
    ...(vision === undefined ? {} : { sees: { prompt: vision.prompt ?? null } }),
  });
}

/** ONNX Runtime's build for the provider: the small one, unless a GPU is asked for. */
async function loadOrt(base: string, provider: WebProvider): Promise<{ ort: OrtModule; threads: number }> {
  const builds: Readonly<Record<WebProvider, { module: string; folder: string }>> = {
    wasm: { module: "ort/ort.wasm.min.mjs", folder: "ort/" },
    webgpu: { module: "gpu/ort.webgpu.min.mjs", folder: "gpu/" },
  };
  const { module, folder } = builds[provider];
  const ort = (await import(new URL(module, base).href)) as OrtModule & Pick<typeof Ort, "env">;
  // Threads share memory, which a browser allows to isolated pages only.
  const threads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(folder, base).href;
  return { ort, threads };
}

async function answer({ text, image }: Extract<ToWorker, { kind: "answer" }>): Promise<void> {
  if (generator === undefined) throw new Error("the model is not loaded yet");
  stopping = new AbortController();
  const { signal } = stopping;
  const startedAt = performance.now();
  let pieces = 0;
  try {
    const question = {
      text: text === "" ? undefined : text,
      image: image === undefined ? undefined : imageOfBlob(image),
    };
    const [generation] = await generator.generate([question], {
      signal,
      onToken: (_row, piece) => {
        pieces++;
        scope.postMessage({ kind: "piece", text: piece });
      },
    });
    const { tokens, firstTokenMs, tokensPerSecond } = generation!;
    scope.postMessage({ kind: "done", tokens: tokens.length, firstTokenMs, tokensPerSecond, stopped: false });
  } catch (error) {
    if (!signal.aborted) throw error;
    const elapsed = performance.now() - startedAt;
    const rate = (pieces * 1000) / elapsed;
    scope.postMessage({
      kind: "done",
      tokens: pieces,
      firstTokenMs: elapsed,
      tokensPerSecond: rate,
      stopped: true,
    });
  }
}
