/**
 * Trains draft heads on a finished student, whose weights are frozen: the student of a recipe with heads is bit for bit the one without.
 * The heads fit the weights that are kept (the best ones, or an average), not those of some step before.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { hashJson, SlmError } from "@slm/core";
import type { EncoderDecoderConfig, ModelConfig, Weights } from "@slm/model";
import { METRICS_FILE, stepRandom, train, type DevRow, type Objective } from "@slm/training";
import type { Corpus } from "../corpus.js";
import type { DistillRun } from "../distill-inputs.js";
import { draftSchedule } from "./draft-config.js";
import { askable, draftFeeds, draftLoss, type DraftShape } from "./draft-loss.js";
import { draftMetric } from "./draft-metric.js";

/** State of the heads' training in the work directory. */
const DRAFT_DIRECTORY = "draft";

/** The log of the heads' training beside the checkpoint. */
const DRAFT_METRICS_FILE = "draft-metrics.jsonl";

/** Positions of a row that a step asks the heads at: more cost as many rows of logits per head, and say little new. */
const POSITIONS = 16;

/** Steps of linear warm-up. */
const WARMUP_STEPS = 100;

export interface DraftHeadsReport {
  /** Tokens after the next one that are predicted. */
  readonly heads: number;
  readonly steps: number;
  readonly seconds: number;
  /** Mean of the heads' losses at the end [nats per position]. */
  readonly loss: number;
  /** On the dev targets: the share of positions at which each head and all before it are right, and their sum. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface DraftHeadsRequest {
  readonly run: DistillRun;
  /** Tokens after the next one. */
  readonly heads: number;
  readonly student: { readonly config: ModelConfig; readonly weights: Weights };
  readonly corpus: Corpus;
  readonly rows: readonly DevRow[];
  /** Identifies the run. */
  readonly key: string;
}

export interface TrainedHeads {
  readonly config: EncoderDecoderConfig;
  /** The student's weights, unchanged, and those of its heads. */
  readonly weights: Weights;
  readonly report: DraftHeadsReport;
}

/** @throws SlmError CONFIG_INVALID for a decoder-only student; INTERRUPTED with the state saved */
export async function trainDraftHeads(request: DraftHeadsRequest): Promise<TrainedHeads> {
  const { run, heads, student, corpus, rows, key } = request;
  const { settings, tokenizer } = run;
  const { engine, context, workDirectory } = run.inputs;
  const config = withHeads(student.config, heads);
  const { steps, learningRate } = draftSchedule(settings, settings.steps);
  const directory = join(workDirectory, DRAFT_DIRECTORY);
  await mkdir(directory, { recursive: true });
  const dev = draftMetric({ config, tokenizer, rows: rows.slice(0, settings.evaluateRows) });
  try {
    const report = await train({
      stage: "distill: draft heads",
      engine,
      config,
      settings: {
        ...settings,
        steps,
        learningRate,
        optimizer: "adamw",
        schedule: "cosine",
        warmupSteps: Math.min(WARMUP_STEPS, Math.ceil(steps / 10)),
        evaluateEvery: Math.max(1, Math.ceil(steps / 4)),
        patience: undefined,
        checkpointAveraging: 1,
        dropout: 0,
        emaDecay: 0,
        lora: undefined,
        modules: frozenStudent(config),
      },
      lengths: corpus.pairs.lengths,
      objective: draftObjective(config, { batch: settings.batchSize, corpus, seed: context.seed }),
      dev,
      workDirectory: directory,
      key: hashJson({ key, heads, steps, learningRate }),
      context,
      initial: student.weights,
    });
    const { seconds, loss, metrics } = report;
    return {
      config,
      // What was frozen is taken from where it was, so that it is the same whatever the training did.
      weights: new Map([...report.weights, ...student.weights]),
      report: { heads, steps: report.steps, seconds, loss, metrics },
    };
  } finally {
    await dev.close();
  }
}

function withHeads(config: ModelConfig, heads: number): EncoderDecoderConfig {
  if (config.architecture === "encoder-decoder") return { ...config, draftHeads: heads };
  throw new SlmError(
    "CONFIG_INVALID",
    "distill: draftHeads needs an encoder-decoder student, this one is decoder-only",
    {
      suggestions: ["leave out distill.draftHeads", "distill.student.architecture: encoder-decoder"],
    },
  );
}

const frozenStudent = ({ vision }: EncoderDecoderConfig): Readonly<Record<string, "frozen">> => ({
  text: "frozen",
  ...(vision === undefined ? {} : { tower: "frozen", projector: "frozen" }),
});

/** Batches of gold targets; each asks at some positions of every row, drawn anew. */
function draftObjective(
  config: EncoderDecoderConfig,
  { batch: rows, corpus, seed }: { readonly batch: number; readonly corpus: Corpus; readonly seed: number },
): Objective {
  const shapeOf = (bucket: { readonly source: number; readonly target: number }): DraftShape => ({
    batch: rows,
    ...bucket,
    positions: Math.min(POSITIONS, Math.max(1, bucket.target - 1)),
  });
  return {
    definition: (bucket) => draftLoss(config, shapeOf(bucket)),
    feeds: async (batch, bucket, number) => {
      const shape = shapeOf(bucket);
      const random = stepRandom(seed, number);
      const { sources, targets, images } = await corpus.read(batch.rows);
      const asked = targets.map((target) => drawn(askable(target, shape.target), shape.positions, random));
      const lossTokens = asked.reduce((sum, { length }) => sum + length, 0);
      const tokens = [...sources, ...targets].reduce((sum, { length }) => sum + length, 0);
      return { feeds: draftFeeds(config, shape, { sources, targets, images }, asked), tokens, lossTokens };
    },
  };
}

/** At most `count` different numbers below `below`, in order. */
function drawn(below: number, count: number, random: () => number): readonly number[] {
  const all = Array.from({ length: below }, (_, index) => index);
  if (below <= count) return all;
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor(random() * (below - at));
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all.slice(0, count).sort((a, b) => a - b);
}

/** Keeps the log of the heads' training beside the checkpoint, and removes the rest of it. */
export async function keepDraftLog(workDirectory: string): Promise<void> {
  const directory = join(workDirectory, DRAFT_DIRECTORY);
  await rename(join(directory, METRICS_FILE), join(workDirectory, DRAFT_METRICS_FILE));
  await rm(directory, { recursive: true, force: true });
}
