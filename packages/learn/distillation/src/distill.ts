import { join } from "node:path";
import { rm, writeFile } from "node:fs/promises";
import { hashJson, type StageContext } from "@slm/artifact";
import { DATA_FILES, readAllRows } from "@slm/data";
import { SlmError } from "@slm/error";
import {
  encoderDecoderConfig,
  parameterCount,
  readCheckpoint,
  writeCheckpoint,
  type EncoderDecoderConfig,
} from "@slm/model";
import type { Engine } from "@slm/tensor";
import { loadTeacher, type Teacher } from "@slm/teacher";
import { loadTokenizer, readTokenizerFiles, writeTokenizer, type Tokenizer } from "@slm/tokenizer";
import {
  assignBuckets,
  BEST_FILE,
  epochBatches,
  greedyDevMetric,
  METRICS_FILE,
  planBuckets,
  STATE_FILE,
  tokenizeRows,
  train,
} from "@slm/training";
import type { DistillConfig } from "./distill-config.js";
import { distillReport } from "./distill-report.js";
import { studentObjective } from "./student-objective.js";
import { goldLogits } from "./teacher-logits.js";

export interface DistillInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  readonly teacherDirectory: string;
  /** Receives the checkpoint; state of an interrupted run is found here. */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}

export interface DistillReport {
  readonly parameters: number;
  readonly teacherParameters: number;
  readonly steps: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly bestStep: number;
}

/** Pairs the teacher scores at once: larger than a training batch, as no gradients are held. */
const SCORE_BATCH = 256;

/** Files of a run in progress that the finished checkpoint does not keep. */
const LOGITS_FILE = "teacher-logits.f16";

/**
 * Trains an encoder-decoder student from a decoder-only teacher and writes the checkpoint that did best on the dev split.
 *
 * @throws SlmError SHAPE_MISMATCH when teacher and tokenizer have different vocabularies.
 */
export async function distill(settings: DistillConfig, inputs: DistillInputs): Promise<DistillReport> {
  const { dataDirectory, tokenizerDirectory, workDirectory, engine, context } = inputs;
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const config: EncoderDecoderConfig = encoderDecoderConfig.parse({
    ...settings.student,
    vocabularySize: tokenizer.vocabularySize,
    tokens: tokenizer.tokens,
  });
  const teacher = await openTeacher(engine, inputs.teacherDirectory, tokenizer);
  try {
    const trainFile = join(dataDirectory, DATA_FILES.train);
    const limits = { maxSource: config.maxSource, maxTarget: config.maxTarget };
    const pairs = tokenizeRows(await readAllRows(trainFile), tokenizer, limits, trainFile);
    const buckets = planBuckets(pairs.lengths, settings.buckets);
    const batches = epochBatches(assignBuckets(pairs.lengths, buckets), SCORE_BATCH, context.seed, 0);
    const file = join(workDirectory, LOGITS_FILE);
    const gold = await goldLogits({
      file,
      engine,
      teacher,
      pairs,
      batches,
      buckets,
      scoreBatch: SCORE_BATCH,
      batchSize: settings.batchSize,
      context,
    });
    const objective = studentObjective({ config, settings, pairs, teacher, gold, seed: context.seed });
    const report = await train({
      stage: "distill",
      engine,
      config,
      settings,
      lengths: pairs.lengths,
      objective,
      dev: greedyDevMetric({
        rows: await readAllRows(join(dataDirectory, DATA_FILES.dev)),
        tokenizer,
        limit: settings.evaluateRows,
        seed: context.seed,
        maxTarget: config.maxTarget,
        metrics: ["wordError", "phonemeError"],
      }),
      workDirectory,
      key: hashJson({ settings, config, pairs: pairs.count, seed: context.seed }),
      context,
    });
    await objective.close();
    await writeCheckpoint(workDirectory, { config, weights: report.weights });
    await writeTokenizer(await readTokenizerFiles(tokenizerDirectory), workDirectory);
    await writeFile(
      join(workDirectory, "report.html"),
      await distillReport(join(workDirectory, METRICS_FILE)),
    );
    for (const name of [STATE_FILE, BEST_FILE, LOGITS_FILE])
      await rm(join(workDirectory, name), { force: true });
    const { steps, epochs, seconds, tokensPerSecond, loss, metrics, bestStep } = report;
    return {
      parameters: parameterCount(config),
      teacherParameters: parameterCount(teacher.config),
      steps,
      epochs,
      seconds,
      tokensPerSecond,
      loss,
      metrics,
      bestStep,
    };
  } finally {
    await teacher.close();
  }
}

async function openTeacher(engine: Engine, directory: string, tokenizer: Tokenizer): Promise<Teacher> {
  const { config, weights } = await readCheckpoint(directory);
  if (config.architecture !== "decoder-only") {
    throw new SlmError(
      "CONFIG_INVALID",
      `distill: the teacher in ${directory} is ${config.architecture}, a decoder-only model is needed`,
    );
  }
  if (config.vocabularySize !== tokenizer.vocabularySize) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `distill: the teacher's vocabulary has ${config.vocabularySize} tokens, the tokenizer's ${tokenizer.vocabularySize} (${directory})`,
      {
        suggestions: [
          "use the tokenizer the teacher was trained with",
          "train a teacher: slm run configs/g2p-teacher.yaml",
        ],
      },
    );
  }
  return loadTeacher(engine, { config, weights });
}
