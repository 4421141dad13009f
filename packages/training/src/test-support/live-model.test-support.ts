/** A model with random weights on the plain JavaScript engine, as runs pass it to objectives and metrics. */
import { createRandom } from "@slm/generation";
import { initializeWeights, type ModelConfig } from "@slm/model";
import { createEagerEngine } from "@slm/tensor";
import type { LiveModel } from "../contract/training-contract.js";
import { packWeights, planChunks, valueInput } from "../parameters/parameter-layout.js";

export async function randomLiveModel(config: ModelConfig, seed: number): Promise<LiveModel> {
  const engine = await createEagerEngine("js");
  const weights = initializeWeights(config, createRandom(seed).next);
  const feeds: Record<string, LiveModel["feeds"][string]> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  return { engine, config, feeds };
}
