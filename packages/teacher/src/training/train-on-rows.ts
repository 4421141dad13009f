/** Trains a decoder-only model on the rows of a task, from random weights or from given ones. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { closing, hashJson, type StageContext } from "@slm/core";
import { DATA_FILES, readAllRows, readRows, textRow } from "@slm/data";
import type { ModelConfig, Weights } from "@slm/model";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import {
  greedyDevMetric,
  removeRunState,
  train,
  writePairs,
  type Divergence,
  type EarlyStop,
  type TrainingSettings,
  type TrainReport,
} from "@slm/training";
import type { FinetuneConfig } from "../config/finetune-config.js";
import { teacherObjective } from "./teacher-objective.js";

export interface TrainingInputs {
  readonly dataDirectory: string;
  /** Output directory of the checkpoint, and of the state of an interrupted run. */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** Figures of a training. */
export interface TrainingFigures {
  readonly steps: number;
  /** Why and when the training stopped early; absent if it took all steps. */
  readonly earlyStop?: EarlyStop | undefined;
  readonly loss: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** How far the loss rose above its initial value; undefined if training did not diverge. */
  readonly diverged?: Divergence | undefined;
}

interface RowTraining extends TrainingInputs {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** Default: random weights. */
  readonly initial?: Weights;
  /** Settings of the recipe. An interrupted run resumes only with the same ones. */
  readonly settings: Pick<FinetuneConfig, "batchSize" | "evaluateRows" | "metrics">;
  readonly training: TrainingSettings;
  readonly labelSmoothing: number;
}

/** Temporary file for the tokens of the training rows. */
const PAIRS_FILE = "pairs.bin";

/**
 * Trains on the rows' targets, and removes the state of the run after `save` has written the best weights.
 *
 * @throws SlmError CONFIG_INVALID for LoRA targets that the model lacks; DATA_INVALID naming a row that the teacher cannot read;
 * INTERRUPTED with the state saved.
 */
export async function trainOnRows(
  request: RowTraining,
  save: (weights: Weights) => Promise<void>,
): Promise<TrainingFigures & Pick<TrainReport, "bestStep">> {
  const { dataDirectory, workDirectory, engine, context } = request;
  const { config, tokenizer, initial, settings, training, labelSmoothing } = request;
  const { batchSize, evaluateRows: limit } = settings;
  const { seed } = context;
  const where = join(dataDirectory, DATA_FILES.train);
  const file = join(workDirectory, PAIRS_FILE);
  const pairs = await writePairs({ rows: readRows(where), tokenizer, limits: config, where, file });
  const report = await closing(pairs, async () => {
    const rows = (await readAllRows(join(dataDirectory, DATA_FILES.dev))).map(textRow);
    const { maxTarget } = config;
    const dev = greedyDevMetric({ rows, tokenizer, limit, seed, maxTarget, metrics: settings.metrics });
    return closing(dev, () =>
      train({
        stage: "teacher",
        engine,
        config,
        settings: training,
        lengths: pairs.lengths,
        objective: teacherObjective(config, pairs, { batchSize, labelSmoothing }),
        dev,
        workDirectory,
        key: hashJson({ settings, config, pairs: pairs.count, seed }),
        context,
        initial,
      }),
    );
  });
  await save(report.weights);
  await removeRunState(workDirectory);
  await rm(file, { force: true });
  const { steps, earlyStop, loss, tokensPerSecond, seconds, metrics, bestStep, diverged } = report;
  return { steps, earlyStop, loss, tokensPerSecond, seconds, metrics, bestStep, diverged };
}
