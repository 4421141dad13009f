/** Fine-tunes a text teacher on the task's rows: LoRA adapters are trained and merged into its weights. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { closing, hashJson, type StageContext } from "@slm/core";
import { DATA_FILES, readAllRows, readRows, textRow } from "@slm/data";
import { readCheckpoint, writeCheckpoint, type Checkpoint } from "@slm/checkpoints";
import type { Engine } from "@slm/tensor";
import { loadTokenizer, type Tokenizer } from "@slm/tokenizer";
import {
  greedyDevMetric,
  removeRunState,
  train,
  writePairs,
  type Divergence,
  type PairFile,
  type TrainReport,
} from "@slm/training";
import { finetuneTraining, type FinetuneConfig } from "../config/finetune-config.js";
import { teacherObjective } from "./teacher-objective.js";

interface FinetuneInputs {
  readonly dataDirectory: string;
  /**
   * Directory of the checkpoint and its tokenizer. The merged weights and the state of an interrupted run are written
   * to it.
   */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}

export interface FinetuneReport {
  readonly steps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly bestStep: number;
  /** How far the loss rose above its initial value; undefined if training did not diverge. */
  readonly diverged?: Divergence | undefined;
}

/** Temporary file for the tokens of the training rows. */
const PAIRS_FILE = "pairs.bin";

/**
 * Trains on the rows' targets, with the prompt that the teacher's tokenizer adds around sources. Writes the merged
 * checkpoint of the best step as float32.
 *
 * @throws SlmError CONFIG_INVALID for LoRA targets that the model lacks; DATA_INVALID naming a row that the teacher cannot read;
 * INTERRUPTED with the state saved.
 */
export async function finetuneTeacher(
  settings: FinetuneConfig,
  inputs: FinetuneInputs,
): Promise<FinetuneReport> {
  const { dataDirectory, workDirectory } = inputs;
  const { config, weights } = await readCheckpoint(workDirectory);
  const tokenizer = await loadTokenizer(workDirectory);
  const where = join(dataDirectory, DATA_FILES.train);
  const file = join(workDirectory, PAIRS_FILE);
  const pairs = await writePairs({ rows: readRows(where), tokenizer, limits: config, where, file });
  const base = { config, weights, tokenizer };
  const report = await closing(pairs, () => trainOn(pairs, settings, base, inputs));
  await writeCheckpoint(workDirectory, { config, weights: report.weights });
  await removeRunState(workDirectory);
  await rm(file, { force: true });
  const { steps, loss, tokensPerSecond, seconds, metrics, bestStep, diverged } = report;
  return { steps, loss, tokensPerSecond, seconds, metrics, bestStep, diverged };
}

interface Base extends Checkpoint {
  readonly tokenizer: Tokenizer;
}

async function trainOn(
  pairs: PairFile,
  settings: FinetuneConfig,
  { config, weights, tokenizer }: Base,
  { dataDirectory, workDirectory, engine, context }: FinetuneInputs,
): Promise<TrainReport> {
  const dev = greedyDevMetric({
    rows: (await readAllRows(join(dataDirectory, DATA_FILES.dev))).map(textRow),
    tokenizer,
    limit: settings.evaluateRows,
    seed: context.seed,
    maxTarget: config.maxTarget,
    metrics: settings.metrics,
  });
  try {
    return await train({
      stage: "teacher",
      engine,
      config,
      settings: finetuneTraining(settings),
      lengths: pairs.lengths,
      objective: teacherObjective(config, pairs, { batchSize: settings.batchSize, labelSmoothing: 0 }),
      dev,
      workDirectory,
      key: hashJson({ settings, config, pairs: pairs.count, seed: context.seed }),
      context,
      initial: weights,
    });
  } finally {
    await dev.close();
  }
}
