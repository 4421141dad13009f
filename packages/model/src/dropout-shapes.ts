/** Shapes of the masks that a model uses under `withDropout`, so that a program can declare them as inputs. */
import type { EncoderDecoderConfig, ModelConfig } from "./config/config.js";
import { isMerged, pooledGroup, encoderWidth } from "./config/options.js";
import { imageTokensOf } from "./source-context.js";

const repeated = (count: number, shape: readonly number[]): (readonly number[])[] =>
  Array.from({ length: count }, () => shape);

/**
 * Shapes of the masks of `encode`, in order: after the embedding, then in each layer after attention and after the
 * feed-forward block.
 *
 * Source: residual dropout of Vaswani et al. 2017, section 5.4 (arXiv:1706.03762).
 *
 * @param text Length of the padded texts [tokens]; image tokens are added.
 */
export const encoderDropoutShapes = (
  config: EncoderDecoderConfig,
  batch: number,
  text: number,
): (readonly number[])[] => {
  const length = imageTokensOf(config) + text;
  const width = encoderWidth(config);
  const layers = Array.from({ length: config.encoderLayers }, (_, layer) =>
    repeated(2, [batch, Math.ceil(length / pooledGroup(config, layer)), width]),
  );
  return [[batch, length, width], ...layers.flat()];
};

/**
 * Shapes of the masks of `decode`, in order: after the embedding, then in each layer after self-attention, after
 * cross-attention (encoder-decoder only) and after the feed-forward block.
 *
 * @param length Length of the padded targets, or of the whole sequences of a decoder-only model [tokens].
 */
export const decoderDropoutShapes = (
  config: ModelConfig,
  batch: number,
  length: number,
): (readonly number[])[] =>
  repeated(1 + branches(config) * config.decoderLayers, [batch, length, config.width]);

const branches = (config: ModelConfig): number =>
  config.architecture === "encoder-decoder" && !isMerged(config) ? 3 : 2;
