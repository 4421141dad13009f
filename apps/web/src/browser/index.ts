/**
 * slm in a browser: loads a bundle by its address and generates text, on WebAssembly or WebGPU. It computes in the thread that
 * calls it; call it in a worker to keep a page responsive.
 *
 * @module @encdec/slm/browser
 */
import type { DeviceModel } from "@slm/exported-model";
import {
  samplingOptions,
  streamPieces,
  type Generation,
  type SamplingOptions,
  type Source,
} from "@slm/inference";
import { openBundle, type OpenedBundle } from "../open-bundle.js";
import { imageOfBlob } from "../page-image.js";
import { readBundleFiles } from "./bundle-files.js";

export { SlmError, type ErrorCode } from "@slm/core/errors";
export type { Generation, SamplingOptions } from "@slm/inference";

/** Execution provider, and address of ONNX Runtime. */
export interface LoadModelOptions {
  /** Default: `wasm`. `webgpu` where the browser has an adapter. */
  readonly provider?: "wasm" | "webgpu" | undefined;
  /**
   * Address of the folder that holds `ort/` and `gpu/`, ONNX Runtime's builds. Default: the folder around the bundle, where
   * `slm deploy --to web` puts them.
   */
  readonly runtime?: string | URL | undefined;
  /** Default: up to four on a page that is cross-origin isolated, else one. */
  readonly threads?: number | undefined;
  /**
   * Largest number of draft tokens of the model's own rules that are verified in one run. The greedy answers are the same. Default: 12,
   * with an export for target web. 0: none.
   */
  readonly draftTokens?: number | undefined;
  /** Is told how many bytes have come, of how many. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  /** Stops the downloads when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A prompt: a text, and for a vision-language model an image. */
export type Prompt =
  | string
  | {
      /** Default: the model's default prompt, if it has one. */
      readonly text?: string | undefined;
      /** A file that the visitor chose, or fetched. */
      readonly image?: Blob | undefined;
    };

/** Options of a generation. */
export interface GenerateOptions extends SamplingOptions {
  /** Is called with each new piece of the answer. */
  readonly onToken?: ((piece: string) => void) | undefined;
  /** Stops between two tokens when it is aborted; the promise is rejected with an `SlmError` of code INTERRUPTED. */
  readonly signal?: AbortSignal | undefined;
}

/** A model that is ready. */
export interface BrowserModel {
  /** What model.json says of it. */
  readonly description: DeviceModel;
  /** What computes. */
  readonly device: {
    /** Execution provider: `webgpu` or `wasm`. */
    readonly provider: string;
    /** The adapter, where the browser names it. */
    readonly description: string;
    /** Whether software stands in for a GPU: no time is then a GPU's. */
    readonly simulated: boolean;
  };
  /** Threads that compute. */
  readonly threads: number;
  /** Answers one prompt. @throws SlmError DATA_INVALID for a prompt that the model cannot read, USAGE, INTERRUPTED */
  generate(prompt: Prompt, options?: GenerateOptions): Promise<Generation>;
  /** Answers piece by piece; the pieces add up to the text. Leaving the loop early stops the model. @throws SlmError as generate */
  stream(prompt: Prompt, options?: Omit<GenerateOptions, "onToken">): AsyncGenerator<string, Generation>;
  /** Gives back memory. */
  close(): Promise<void>;
}

/**
 * Loads a bundle: every file is compared with the hash in its manifest.
 *
 * @param bundle address of the bundle's folder: the one with manifest.json
 * @throws Error for a file that cannot be downloaded or fails its hash check; SlmError for a model that a browser cannot run
 * @example
 * const model = await loadModel("https://example.org/site/model/");
 * for await (const piece of model.stream("hello")) output.textContent += piece;
 */
export async function loadModel(bundle: string | URL, options: LoadModelOptions = {}): Promise<BrowserModel> {
  const base = folderOf(bundle);
  const { provider = "wasm", threads, draftTokens, onProgress, signal } = options;
  const runtime = options.runtime === undefined ? new URL("..", base) : folderOf(options.runtime);
  const files = await readBundleFiles(base, signal);
  return modelOf(
    await openBundle(files, { base, runtime, provider, threads, draftTokens, onProgress, signal }),
  );
}

function modelOf({ generator, device, close }: OpenedBundle): BrowserModel {
  const { provider, threads, description, simulated } = device;
  const generate = async (
    prompt: Prompt,
    { onToken, signal, ...sampling }: GenerateOptions = {},
  ): Promise<Generation> => {
    const [generation] = await generator.generate([sourceOf(prompt)], {
      ...samplingOptions(sampling),
      signal,
      onToken:
        onToken &&
        ((_row, piece) => {
          onToken(piece);
        }),
    });
    return generation!;
  };
  return {
    description: generator.model,
    device: { provider, description, simulated },
    threads,
    generate,
    stream: (prompt, options = {}) =>
      streamPieces((onToken, signal) => generate(prompt, { ...options, onToken, signal }), options.signal),
    close,
  };
}

/** The address of a folder, from the page on, with the slash that it ends with. */
function folderOf(address: string | URL): URL {
  const url = new URL(address, globalThis.location.href);
  return url.pathname.endsWith("/") ? url : new URL(`${url.pathname}/${url.search}`, url);
}

function sourceOf(prompt: Prompt): Source {
  if (typeof prompt === "string") return prompt;
  const { text, image } = prompt;
  return { text, image: image === undefined ? undefined : imageOfBlob(image) };
}
