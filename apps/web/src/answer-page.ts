/** Runs a model in a worker, so that the page stays responsive. */
import type { Model } from "@slm/inference";
import type { FromWorker, ToWorker } from "./messages.js";
import { openBundle, type OpenBundleOptions } from "./open-bundle.js";
import { imageOfBlob } from "./page-image.js";
import { plainError } from "./plain-error.js";

/** The part of a worker's API that a page does not have. TypeScript cannot load the types of both together. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = self as unknown as WorkerScope;
/** The folder of a site that contains the bundle. */
const MODEL_FOLDER = "model/";

let model: Model | undefined;
let stopping = new AbortController();

/** Answers the page's messages. @param engines the engine of this worker, and what opens its models */
export function answerPage(engines: Pick<OpenBundleOptions, "engine" | "openers">): void {
  scope.onmessage = ({ data }) => {
    switch (data.kind) {
      case "load":
        void guarded("load", () => load(data, engines));
        return;
      case "answer":
        void guarded("answer", () => answer(data));
        return;
      case "stop":
        stopping.abort();
    }
  };
}

async function guarded(during: "load" | "answer", body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    scope.postMessage({
      kind: "failed",
      during,
      message: plainError(error),
    });
  }
}

async function load(
  { site, base, provider }: Extract<ToWorker, { kind: "load" }>,
  engines: Pick<OpenBundleOptions, "engine" | "openers">,
): Promise<void> {
  const startedAt = performance.now();
  const list = site.files.map((file) => ({ ...file, path: file.path.slice(MODEL_FOLDER.length) }));
  model = await openBundle(list, {
    base: new URL(MODEL_FOLDER, base),
    runtime: new URL(base),
    provider,
    ...engines,
    onProgress: (loaded, total) => {
      scope.postMessage({ kind: "progress", loaded, total });
    },
  });
  const { threads, description, simulated } = model.device;
  const { languages } = model;
  const { vision } = model.description;
  scope.postMessage({
    kind: "ready",
    version: site.version,
    device: provider === "webgpu" ? `webgpu, ${description}` : model.device.provider,
    simulated,
    threads,
    loadMs: performance.now() - startedAt,
    sees: vision && { prompt: vision.prompt ?? null },
    languages: languages && {
      codes: languages.codes,
      source: languages.source,
      target: languages.target,
      tellsSource: languages.begins !== "source",
    },
  });
}

async function answer({ text, image, languages }: Extract<ToWorker, { kind: "answer" }>): Promise<void> {
  if (model === undefined) throw new Error("the model is not loaded yet");
  stopping = new AbortController();
  const { signal } = stopping;
  const startedAt = performance.now();
  let pieces = 0;
  try {
    const question = {
      text: text === "" ? undefined : text,
      image: image === undefined ? undefined : imageOfBlob(image),
      languages,
    };
    const { tokens, confidence, abstained, firstTokenMs, tokensPerSecond } = await model.generate(question, {
      signal,
      onToken: (_row, piece) => {
        pieces++;
        scope.postMessage({ kind: "piece", text: piece });
      },
    });
    scope.postMessage({
      kind: "done",
      tokens: tokens.length,
      confidence,
      abstained,
      firstTokenMs,
      tokensPerSecond,
      stopped: false,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    const elapsed = performance.now() - startedAt;
    const rate = (pieces * 1000) / elapsed;
    scope.postMessage({
      kind: "done",
      tokens: pieces,
      abstained: false,
      firstTokenMs: elapsed,
      tokensPerSecond: rate,
      stopped: true,
    });
  }
}
