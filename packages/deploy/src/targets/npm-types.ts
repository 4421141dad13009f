/** Type declarations of an npm package from `slm deploy --to npm`. */

/** Of `index.js`. */
export const MAIN_TYPES = `/** One generated text. */
export interface Generated {
  /** Empty if the answer is withheld. */
  readonly text: string;
  /** The model's probability of the whole answer: 0 to 1. */
  readonly confidence: number;
  /** True if the answer is withheld because its confidence is below the model's threshold. */
  readonly abstained: boolean;
  /** Number of generated tokens. */
  readonly tokens: number;
  /** True if the model ended the answer, false if it reached \`maxTokens\`. */
  readonly finished: boolean;
}

export interface Options {
  /** Image for a vision-language model: a file, or its bytes. */
  readonly image?: string | Uint8Array;
  /** Most tokens of an answer. Default: the model's limit. */
  readonly maxTokens?: number;
  /** Called with each piece of text as soon as it is final. */
  readonly onToken?: (piece: string) => void;
  /** Stops the generation between two tokens. */
  readonly signal?: AbortSignal;
}

/** Answers one text. The first call loads the model, which stays loaded. */
export declare function generate(source: string, options?: Options): Promise<Generated>;

/** Frees the model's memory. The next call loads it again. */
export declare function close(): Promise<void>;
`;

/** Of `open.js`. `object` is a `WebAssembly.Module`, which not every host's types declare. */
export const OPEN_TYPES = `import type { close, generate } from "./index.js";

/** The package's files, which the host provides. */
export interface OpenModelOptions {
  /** \`kernels.wasm\` of the package: its bytes, or a WebAssembly.Module where the host does not compile bytes. */
  readonly kernels: ArrayBuffer | Uint8Array | object;
  /** Returns a file of the package's folder \`model\`, such as \`model.json\`. */
  readonly read: (path: string) => ArrayBuffer | Uint8Array | Promise<ArrayBuffer | Uint8Array>;
}

/** Opens the model in a host without a disk, such as a browser or a Cloudflare Worker. */
export declare function openModel(options: OpenModelOptions): Promise<{
  readonly generate: typeof generate;
  readonly close: typeof close;
}>;
`;
