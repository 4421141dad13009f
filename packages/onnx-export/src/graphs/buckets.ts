/** Lengths that static graphs are made for. */
import { SlmError } from "@slm/core";
import { imageTokenCount, pooledGroup, type EncoderDecoderConfig, type ModelConfig } from "@slm/model";
import { indivisible } from "../lowerings/pool-tokens.js";
import { cacheCapacity } from "./native-graphs.js";
import type { StaticSizes } from "./static-graphs.js";

/** What is asked of static graphs [tokens]. */
export interface StaticRequest {
  /** Source lengths of an encoder-decoder; a decoder-only model reads its source into the window. */
  readonly buckets: readonly number[];
  /** Default: what the model's caches hold. */
  readonly window?: number | undefined;
  /**
   * New tokens in a run of the chunk graph. Default: {@link PROMPT_CHUNK} for a decoder-only model, no such graph for an encoder-decoder.
   */
  readonly chunk?: number | undefined;
}

/** Tokens of a prompt in a run: the graph is wide enough for a device's matrix units, and few rows are padding [tokens]. */
const PROMPT_CHUNK = 32;

/**
 * The sizes of every set of graphs, shortest source first.
 *
 * @throws SlmError USAGE for a window or a chunk the model was not made for, or where an image leaves no room for text in any length;
 * OP_UNSUPPORTED for a model of one target token.
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
      `export: the window is at most what the model's caches hold, ${longest} tokens, got ${window}`,
    );
  }
  if (window < 2) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `export: a static decoder needs a window of 2 tokens, the model has ${window}`,
    );
  }
  return window;
}

function chunkOf(config: ModelConfig, { chunk }: StaticRequest, window: number): number | undefined {
  if (chunk !== undefined && chunk > window) {
    throw new SlmError("USAGE", `export: a chunk is at most the window, ${window} tokens, got ${chunk}`, {
      suggestions: [`--chunk ${window}`],
    });
  }
  if (chunk !== undefined) return chunk;
  return config.architecture === "decoder-only" ? Math.min(PROMPT_CHUNK, window) : undefined;
}

/**
 * Source lengths, ascending. Lengths beyond the model's longest source become that one, so
 * that every source the model reads has a graph; those that an image fills alone are left out.
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
      `export: an image is ${image} tokens; of the source lengths ${buckets.join(", ")} none leaves place for text`,
      { suggestions: [`--buckets ${maxSource}`] },
    );
  }
  const group = pooledGroup(config);
  const odd = [...capped].find((length) => length % group !== 0);
  if (odd !== undefined) throw indivisible(odd, group);
  return [...capped].sort((a, b) => a - b);
}
