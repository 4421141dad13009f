/** What the final model writes for some dev rows, to look at. */
import { join } from "node:path";
import { writeTextAtomic } from "@slm/core";
import { thumbnail, type Row } from "@slm/data";
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
  type DevRow,
  type LiveModel,
} from "@slm/training";

/** Rows shown. */
export const SAMPLES = 40;

/** Longest side of the small copies of images [pixels]. */
const THUMBNAIL_PIXELS = 320;

export interface SamplesRequest {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  /** The dev split. */
  readonly rows: readonly DevRow[];
  readonly seed: number;
  /** What the paths of images are relative to. */
  readonly dataDirectory: string;
  /** Receives {@link SAMPLES_FILE}: one JSON object {source, target, references, image, thumbnail, prediction} a line. */
  readonly directory: string;
}

/** Writes the samples. @throws SlmError OUTPUT_FAILED */
export async function writeSamples(request: SamplesRequest): Promise<void> {
  const { engine, config, weights, tokenizer, seed, directory } = request;
  const rows = drawRows(request.rows, SAMPLES, seed);
  const feeds: Record<string, LiveModel["feeds"][string]> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  const predictor = new GreedyPredictor(rows, tokenizer, config.maxTarget);
  try {
    const predictions = await predictor.predict({ engine, config, feeds });
    const lines = [];
    for (const [index, row] of rows.entries()) {
      const shown = { ...shownRow(row), ...(await thumbnailOf(row, request.dataDirectory)) };
      lines.push(JSON.stringify({ ...shown, prediction: predictions[index] }));
    }
    await writeTextAtomic(join(directory, SAMPLES_FILE), lines.map((line) => `${line}\n`).join(""));
  } finally {
    await predictor.close();
    await engine.release(Object.values(feeds));
  }
}

/** What is shown of a row; absent fields do not reach the file. */
const shownRow = ({ source, target, references, image }: Row): object => ({
  source,
  target,
  references,
  image,
});

async function thumbnailOf({ image }: Row, dataDirectory: string): Promise<{ readonly thumbnail?: string }> {
  if (image === undefined) return {};
  const png = await thumbnail(dataDirectory, image, THUMBNAIL_PIXELS);
  return { thumbnail: Buffer.from(png).toString("base64") };
}
