/** FLOPs of models; a multiply-add counts as two. Attention scores, softmax and norms are ignored. */
import { flopsPerImage, flopsPerToken, imageTokensOf, type ModelConfig } from "@slm/model";
import type { PlanRequest } from "../stage/plan-request.js";
import type { DataFacts } from "./data-facts.js";
import { teacherShapes } from "./planned-shapes.js";

/** FLOPs of one pair, its image included. */
export function forwardFlops(config: ModelConfig, { source, target }: DataFacts): number {
  const { encoderPerSourceToken, decoderPerTargetToken } = flopsPerToken(config);
  if (config.architecture === "decoder-only") return (source + target) * decoderPerTargetToken;
  const { vision, width } = config;
  const image = vision === undefined ? 0 : flopsPerImage(vision, width);
  return image + (imageTokensOf(config) + source) * encoderPerSourceToken + target * decoderPerTargetToken;
}

/** FLOPs for scoring one pair with all teachers of known shape. */
export async function teacherFlops(request: PlanRequest<unknown>, facts: DataFacts): Promise<number> {
  const shapes = await teacherShapes(request, facts);
  return shapes.reduce((sum, config) => sum + forwardFlops(config, facts), 0);
}
