/** Generates greedy answers of a student with given weights. */
import type { Weights } from "@slm/model";
import {
  GreedyPredictor,
  packWeights,
  planChunks,
  valueInput,
  type DevRow,
  type LiveModel,
} from "@slm/training";
import type { DistillRun } from "./config/distill-inputs.js";

/** One greedy answer per row, in order. */
export async function studentPredictions(
  { config, tokenizer, inputs: { engine } }: Pick<DistillRun, "config" | "tokenizer" | "inputs">,
  weights: Weights,
  rows: readonly DevRow[],
): Promise<readonly string[]> {
  const feeds: Record<string, LiveModel["feeds"][string]> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  const predictor = new GreedyPredictor(rows, tokenizer, config.maxTarget);
  try {
    return await predictor.predict({ engine, config, feeds });
  } finally {
    await predictor.close();
    await engine.release(Object.values(feeds));
  }
}
