/** The cache of a static decoder for one text, in host memory. */
import type { HostTensor } from "@slm/runtime";
import type { DeviceModel } from "../device-model.js";

/** The facts of a model that determine its cache. */
export type CacheShape = Pick<
  DeviceModel,
  "decoderLayers" | "kvHeads" | "headDim" | "stateWidth" | "precision"
>;

/** Elements as raw bytes: float32 and float16 values are copied without conversion. */
export type Elements = Float32Array | Uint16Array;

/** New entries of a run: the first `count` tokens of the run are kept. */
export interface WrittenTokens {
  /** Slot of the first entry. */
  readonly slot: number;
  readonly count: number;
}

export interface TextCache {
  /** Inputs of the decoder for tokens from a position on, by name. */
  feedsAt(position: number): Readonly<Record<string, HostTensor>>;
  copy(): TextCache;
  /** Stores a run's new entries in the slots of its tokens. */
  write(tokens: WrittenTokens, made: Readonly<Record<string, HostTensor>>): void;
}
