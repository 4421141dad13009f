/** Chooses the lengths of static graphs. */
import { SlmError } from "@slm/core";
import {
  cacheCapacity,
  imageTokenCount,
  pooledGroup,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "@slm/model";
import { indivisible } from "../lowerings/pool-tokens.js";
import type { StaticSizes } from "./static-graphs.js";

/** Requested sizes of static graphs [tokens]. */
export interface StaticRequest {
  /** Source lengths of an encoder-decoder. A decoder-only model reads its source into the window. */
  readonly buckets: readonly number[];
  /** Default: the capacity of the model's caches. */
  readonly window?: number | undefined;
  /** New tokens in a run of the chunk graph, which reads prompts of a decoder-only model. Default: {@link PROMPT_CHUNK}. */
  readonly chunk?: number | undefined;
}

/** Prompt tokens per run: enough for a device's matrix units, with little padding [tokens]. */
const PROMPT_CHUNK = 32;

/**
 * Returns the sizes of every set of graphs, shortest source first.
 *
 * @throws SlmError USAGE for a window or chunk that the model does not support, or if an image leaves no room for text at any length;
 * OP_UNSUPPORTED for a model with one target token.
 */
export function staticSizes(config: ModelConfig, request: StaticRequest): readonly StaticSizes[] {
  const window = windowOf(config, request);
  const chunk = chunkOf(config, request, window);
  if (config.architecture === "decoder-only")
    return [{ source: Math.min(config.maxSource, window - 1), window, chunk }];
  return sourceLengths(config, request.buckets).map((source) => ({ source, window, chunk }));
}

function windowOf(config: ModelConfig, { window = cacheCapacity(config) }: StaticRequest): number {
  const longest = cacheCapacity(config);
  if (window > longest) {
    throw new SlmError(
      "USAGE",
      `export: the window can be at most ${longest} tokens, the capacity of the model's caches, got ${window}`,
    );
  }
  if (window < 2) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `export: a static decoder needs a window of at least 2 tokens, the model has ${window}`,
    );
  }
  return window;
}

function chunkOf(config: ModelConfig, { chunk }: StaticRequest, window: number): number | undefined {
  if (config.architecture === "encoder-decoder") {
    if (chunk === undefined) return undefined;
    throw new SlmError(
      "USAGE",
      `export: a chunk is for the prompts of decoder-only models, but this is an encoder-decoder; got ${chunk}`,
      { suggestions: ["remove --chunk, or export.chunk in a recipe"] },
    );
  }
  if (chunk === undefined) return Math.min(PROMPT_CHUNK, window);
  if (chunk <= window) return chunk;
  throw new SlmError("USAGE", `export: a chunk can be at most the window of ${window} tokens, got ${chunk}`, {
    suggestions: [`--chunk ${window}`],
  });
}

/**
 * Returns ascending source lengths. Longer ones than the model's longest source are reduced to it, so that every source has a graph.
 * Lengths that leave no room for text next to an image are left out.
 */
function sourceLengths(config: EncoderDecoderConfig, buckets: readonly number[]): readonly number[] {
  const { maxSource, vision } = config;
  const image = vision === undefined ? 0 : imageTokenCount(vision);
  const capped = new Set(
    buckets.map((length) => Math.min(length, maxSource)).filter((length) => length > image),
  );
  if (capped.size === 0) {
    throw new SlmError(
      "USAGE",
      `export: an image has ${image} tokens; none of the source lengths ${buckets.join(", ")} leaves room for text`,
      { suggestions: [`--buckets ${maxSource}`] },
    );
  }
  const group = pooledGroup(config);
  const odd = [...capped].find((length) => length % group !== 0);
  if (odd !== undefined) throw indivisible(odd, group);
  return [...capped].sort((a, b) => a - b);
}
