/** Embeds tokens for the first layer of a stack. */
import { add, embedding, math, positionRows, type Tensor } from "@slm/tensor";
import { normalize, parameter, type Parameters } from "./layers/blocks.js";
import type { ModelConfig } from "./config/config.js";
import { OPTIONAL_WEIGHTS, publishedOf, type Stack } from "./config/options.js";
import { EMBEDDING_WEIGHT } from "./parameters/parameters.js";

/** Looks tokens up in a stack's embedding table. ids int32 `[batch, length]` -> `[batch, length, width]`. */
export function embedTokens(config: ModelConfig, parameters: Parameters, stack: Stack, ids: Tensor): Tensor {
  const isOwn = stack === "encoder" && publishedOf(config).sourceVocabularySize !== undefined;
  const name = isOwn ? OPTIONAL_WEIGHTS.sourceEmbedding : EMBEDDING_WEIGHT;
  return embedding({ table: parameter(parameters, name), ids }, {});
}

/**
 * Adds position rows and norms if the model has them; otherwise returns x.
 *
 * @param pastLength number of earlier positions, int32 `[1]` or `[batch]`. Default: none.
 * @param placed `[batch, length]`, 0 for tokens without a position row. Default: all tokens have one.
 */
export function placeTokens(
  config: ModelConfig,
  parameters: Parameters,
  stack: Stack,
  { x, pastLength, placed }: PlacedTokens,
): Tensor {
  const { positions, embeddingNorm } = publishedOf(config);
  const norm = embeddingNorm?.[stack];
  const epsilon = stack === "decoder" ? embeddingNorm?.decoderEpsilon : undefined;
  const normed = (y: Tensor): Tensor =>
    normalize(
      epsilon === undefined ? config : { ...config, normEpsilon: epsilon },
      parameters,
      OPTIONAL_WEIGHTS.embeddingNorm(stack),
      y,
    );
  const y = norm === "before-positions" ? normed(x) : x;
  const sum =
    positions === undefined || positions.kind === "relative-bias"
      ? y
      : add({ a: y, b: rowsOf(parameters, stack, { x, pastLength, placed }) }, {});
  return norm === "after-positions" ? normed(sum) : sum;
}

interface PlacedTokens {
  readonly x: Tensor;
  readonly pastLength?: Tensor | undefined;
  readonly placed?: Tensor | undefined;
}

function rowsOf(parameters: Parameters, stack: Stack, { x, pastLength, placed }: PlacedTokens): Tensor {
  const table = parameter(parameters, OPTIONAL_WEIGHTS.positions(stack));
  const rows = positionRows({ table, sequence: x, pastLength }, {});
  return placed === undefined ? rows : math.mul(rows, math.reshape(placed, [...placed.shape, 1]));
}
