/** Messages between the page and the worker that runs the model. */
import type { EngineName } from "@slm/exported-model/engine";
import type { WebProvider } from "@slm/runtime-web";

export type ToWorker =
  | { readonly kind: "load"; readonly site: Site; readonly base: string; readonly provider: WebProvider }
  | {
      readonly kind: "answer";
      readonly text: string;
      readonly image?: Blob | undefined;
      readonly languages?: { readonly source?: string | undefined; readonly target?: string | undefined };
    }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "progress"; readonly loaded: number; readonly total: number }
  | {
      readonly kind: "ready";
      /** Of the site. */
      readonly version: string;
      /** The provider, and for WebGPU the adapter. */
      readonly device: string;
      /** Whether software emulates the GPU. */
      readonly simulated: boolean;
      readonly threads: number;
      readonly loadMs: number;
      /** Present for vision-language models, with the default prompt for an image without text, if there is one. */
      readonly sees?: { readonly prompt: string | null } | undefined;
      /** Present for multilingual models: codes, the model's default languages, and whether it needs the source language. */
      readonly languages?: PageLanguages | undefined;
    }
  | { readonly kind: "piece"; readonly text: string }
  | {
      readonly kind: "done";
      readonly tokens: number;
      /** Absent for an answer that was stopped. */
      readonly confidence?: number | undefined;
      readonly abstained: boolean;
      readonly firstTokenMs: number;
      readonly tokensPerSecond: number;
      readonly stopped: boolean;
    }
  | { readonly kind: "failed"; readonly message: string; readonly during: "load" | "answer" };

export interface PageLanguages {
  readonly codes: readonly string[];
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly tellsSource: boolean;
}

/** `site.json`, written by `slm deploy --to web`. */
export interface Site {
  readonly title: string;
  /** What the model does. */
  readonly summary?: string | undefined;
  /** Inputs to click on. */
  readonly examples?: readonly string[] | undefined;
  readonly version: string;
  /** What runs the model; a site for `wasm` has no files of ONNX Runtime. */
  readonly engine: EngineName;
  /** File of the worker that runs the model. */
  readonly worker: string;
  /** Files of the page itself. */
  readonly shell: readonly string[];
  /** Files of the bundle. */
  readonly files: readonly SiteFile[];
}

export interface SiteFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Address of a file. It contains the hash, so that a cache cannot return the file of another version. */
export function fileUrl(base: string | URL, { path, sha256 }: SiteFile): string {
  return new URL(`${path}?sha256=${sha256}`, base).href;
}
