/** Sources as programs are fed them, and what the decoder sees of them. */
import { lengthBias, math, type Tensor, type TensorSpec } from "@slm/tensor";
import type { Parameters } from "./blocks.js";
import type { EncoderDecoderConfig, ModelConfig } from "./config.js";
import type { SourceContext } from "./decoder.js";
import { crossCaches, encode } from "./encoder.js";
import { visionOf } from "./parameters.js";
import { imageTokenCount, patchValues, towerTokens } from "./vision/vision-config.js";
import { imageEmbeddings } from "./vision/tower.js";

/** Tokens of the image before every source; none where the model reads text only. */
export function imageTokensOf(config: ModelConfig): number {
  const vision = visionOf(config);
  return vision === undefined ? 0 : imageTokenCount(vision);
}

/** Texts, and how many tokens each source has: its image's and its text's. */
interface SourceTensors {
  /** int32 `[batch, text]` */
  readonly ids: Tensor;
  /** int32 `[batch]` */
  readonly lengths: Tensor;
  /** float32 `[batch, towerTokens, patchValues]`; of a vision-language model. */
  readonly patches?: Tensor | undefined;
}

/** The spec of {@link SourceTensors.patches}; undefined where the model reads text only. */
export function patchesSpec(
  { vision }: Pick<EncoderDecoderConfig, "vision">,
  batch: number,
): TensorSpec | undefined {
  if (vision === undefined) return undefined;
  return { dtype: "float32", shape: [batch, towerTokens(vision.tower), patchValues(vision.tower)] };
}

/**
 * Reads sources: what the encoder makes of them, `[batch, imageTokens + text, width]`, and what the decoder's layers see of it.
 * Under `withDropout` it takes the masks of `encoderDropoutShapes`.
 */
export function readSource(
  config: EncoderDecoderConfig,
  parameters: Parameters,
  { ids, lengths, patches }: SourceTensors,
): { readonly encoded: Tensor; readonly context: SourceContext } {
  const { vision } = config;
  const image =
    vision === undefined || patches === undefined ? undefined : imageEmbeddings(vision, parameters, patches);
  const encoded = encode(config, parameters, ids, { lengths }, image);
  const [batch, text] = ids.shape as [number, number];
  // Of the ids only the shape is read, and image tokens have none.
  const positions = image === undefined ? ids : math.zeros([batch, imageTokensOf(config) + text]);
  const context = {
    cross: crossCaches(config, parameters, encoded),
    bias: lengthBias({ lengths, ids: positions }, {}),
  };
  return { encoded, context };
}
