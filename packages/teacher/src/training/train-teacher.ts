import { join } from "node:path";
import { rm } from "node:fs/promises";
import { closing, hashJson, type StageContext } from "@slm/core";
import { DATA_FILES, readAllRows, readRows, textRow } from "@slm/data";
import { parameterCount, parseModelConfig, type ModelConfig } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import type { Engine } from "@slm/tensor";
import { loadTokenizer, readTokenizerFiles, writeTokenizer, type Tokenizer } from "@slm/tokenizer";
import {
  greedyDevMetric,
  removeRunState,
  train,
  writePairs,
  type Divergence,
  type PairFile,
  type TrainReport,
} from "@slm/training";
import { teacherTraining, trainedShape, type TrainedTeacherConfig } from "../config/teacher-config.js";
import { teacherObjective } from "./teacher-objective.js";

interface TeacherInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  /** Output directory of the checkpoint, which also holds the state of an interrupted run. */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}

interface TeacherReport {
  readonly parameters: number;
  readonly vocab: number;
  readonly steps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** How far the loss rose above its start; absent for training that did not diverge. */
  readonly diverged?: Divergence | undefined;
}

/** File for the tokens of the training rows during the run. */
const PAIRS_FILE = "pairs.bin";

/** Trains a teacher on the labels of its data and writes its best checkpoint as float16. */
export async function trainTeacher(
  settings: TrainedTeacherConfig,
  inputs: TeacherInputs,
): Promise<TeacherReport> {
  const { dataDirectory, tokenizerDirectory, workDirectory } = inputs;
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const { vocabularySize, tokens } = tokenizer;
  const config = parseModelConfig(
    { ...trainedShape(settings.model), vocabularySize, tokens },
    "teacher.model",
  );
  const where = join(dataDirectory, DATA_FILES.train);
  const file = join(workDirectory, PAIRS_FILE);
  const pairs = await writePairs({ rows: readRows(where), tokenizer, limits: config, where, file });
  const report = await closing(pairs, () => trainOn(pairs, settings, config, inputs, tokenizer));
  await writeCheckpoint(workDirectory, { config, weights: report.weights }, "float16");
  await writeTokenizer(await readTokenizerFiles(tokenizerDirectory), workDirectory);
  await removeRunState(workDirectory);
  await rm(file, { force: true });
  const { steps, loss, tokensPerSecond, seconds, metrics, diverged } = report;
  return {
    parameters: parameterCount(config),
    vocab: config.vocabularySize,
    steps,
    loss,
    tokensPerSecond,
    seconds,
    metrics,
    diverged,
  };
}

async function trainOn(
  pairs: PairFile,
  settings: TrainedTeacherConfig,
  config: ModelConfig,
  { dataDirectory, workDirectory, engine, context }: TeacherInputs,
  tokenizer: Tokenizer,
): Promise<TrainReport> {
  return train({
    stage: "teacher",
    engine,
    config,
    settings: teacherTraining(settings),
    lengths: pairs.lengths,
    objective: teacherObjective(config, pairs, settings),
    dev: greedyDevMetric({
      rows: (await readAllRows(join(dataDirectory, DATA_FILES.dev))).map(textRow),
      tokenizer,
      limit: settings.evaluateRows,
      seed: context.seed,
      maxTarget: config.maxTarget,
      metrics: settings.metrics,
    }),
    workDirectory,
    key: hashJson({ settings, config, pairs: pairs.count, seed: context.seed }),
    context,
  });
}
