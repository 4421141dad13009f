/** What a static decoder remembers of one text, in the host's memory. */
import type { HostTensor } from "@slm/runtime";

/** Elements as raw bytes: float32 and float16 values are copied without conversion. */
export type Elements = Float32Array | Uint16Array;

/** New tokens of a run that are kept: the first `count` of those that the graph takes. */
export interface WrittenTokens {
  /** Slot of the first. */
  readonly slot: number;
  readonly count: number;
}

export interface TextCache {
  /** Inputs of the decoder for tokens from a position on, by name. */
  feedsAt(position: number): Readonly<Record<string, HostTensor>>;
  copy(): TextCache;
  /** Keeps what a run made of its tokens, in the slots of these. */
  write(tokens: WrittenTokens, made: Readonly<Record<string, HostTensor>>): void;
}
