/** Embedded tokens, as the first layer of a stack reads them. */
import { add, embedding, positionRows, type Tensor } from "@slm/tensor";
import { normalize, parameter, type Parameters } from "./blocks.js";
import type { ModelConfig } from "./config.js";
import { OPTIONAL_WEIGHTS, publishedOf, type Stack } from "./options.js";
import { EMBEDDING_WEIGHT } from "./parameters.js";

/** Tokens of a stack: rows of its embedding table. ids int32 `[batch, length]` -> `[batch, length, width]`. */
export function embedTokens(config: ModelConfig, parameters: Parameters, stack: Stack, ids: Tensor): Tensor {
  const isOwn = stack === "encoder" && publishedOf(config).sourceVocabularySize !== undefined;
  const name = isOwn ? OPTIONAL_WEIGHTS.sourceEmbedding : EMBEDDING_WEIGHT;
  return embedding({ table: parameter(parameters, name), ids }, {});
}

/**
 * Adds the rows of positions and norms, where the model has them; otherwise x itself.
 *
 * @param pastLength positions before these, int32 `[1]` or `[batch]`. Default: none.
 */
export function placeTokens(
  config: ModelConfig,
  parameters: Parameters,
  stack: Stack,
  { x, pastLength }: { readonly x: Tensor; readonly pastLength?: Tensor | undefined },
): Tensor {
  const { positions, embeddingNorm } = publishedOf(config);
  const norm = embeddingNorm?.[stack];
  const normed = (y: Tensor): Tensor =>
    normalize(config, parameters, OPTIONAL_WEIGHTS.embeddingNorm(stack), y);
  const y = norm === "before-positions" ? normed(x) : x;
  const placed =
    positions === undefined || positions.kind === "relative-bias"
      ? y
      : add({ a: y, b: rowsOf(parameters, stack, { x, pastLength }) }, {});
  return norm === "after-positions" ? normed(placed) : placed;
}

function rowsOf(
  parameters: Parameters,
  stack: Stack,
  { x, pastLength }: { readonly x: Tensor; readonly pastLength?: Tensor | undefined },
): Tensor {
  const table = parameter(parameters, OPTIONAL_WEIGHTS.positions(stack));
  return positionRows({ table, sequence: x, pastLength }, {});
}
