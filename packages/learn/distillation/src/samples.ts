/** What the final model writes for some dev rows, to look at. */
import { join } from "node:path";
import { writeTextAtomic } from "@slm/artifact";
import type { Row } from "@slm/data";
import type { ModelConfig, Weights } from "@slm/model";
import { SAMPLES_FILE } from "@slm/report";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import {
  drawRows,
  GreedyPredictor,
  packWeights,
  planChunks,
  valueInput,
  type LiveModel,
} from "@slm/training";

/** Rows shown. */
export const SAMPLES = 40;

export interface SamplesRequest {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  /** The dev split. */
  readonly rows: readonly Row[];
  readonly seed: number;
  /** Receives {@link SAMPLES_FILE}: one JSON object {source, target, prediction} a line. */
  readonly directory: string;
}

/** Writes the samples. @throws SlmError OUTPUT_FAILED */
export async function writeSamples(request: SamplesRequest): Promise<void> {
  const { engine, config, weights, tokenizer, seed, directory } = request;
  const rows = drawRows(request.rows, SAMPLES, seed);
  const feeds: Record<string, LiveModel["feeds"][string]> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  const sources = rows.map(({ source }) => source);
  const predictor = new GreedyPredictor(sources, tokenizer, config.maxTarget);
  try {
    const predictions = await predictor.predict({ engine, config, feeds });
    const lines = rows.map(({ source, target }, index) =>
      JSON.stringify({ source, target, prediction: predictions[index] }),
    );
    await writeTextAtomic(join(directory, SAMPLES_FILE), lines.map((line) => `${line}\n`).join(""));
  } finally {
    await predictor.close();
    await engine.release(Object.values(feeds));
  }
}
