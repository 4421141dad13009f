/**
 * The time of a training step. Short steps are measured; long steps are computed from the rate of matrix products on this machine. A short
 * step is far slower than this rate, because small products, the optimizer and calls of many operators take much of its time.
 */
import { productRate, type ProductShape } from "@slm/bench";
import { removePath, SILENT } from "@slm/core";
import { imageTokensOf, type ModelConfig } from "@slm/model";
import { teacherObjective } from "@slm/teacher";
import {
  assignBuckets,
  measureStep,
  pairsOf,
  planBuckets,
  type Bucket,
  type ModuleSettings,
  type TrainingSettings,
} from "@slm/training";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Compute } from "@slm/models/compute";
import { withEngine, withTrainingRuntime } from "@slm/models/engines";
import { formatCount, formatSeconds } from "@slm/core/format";
import type { DataFacts } from "./data-facts.js";

/** Rate of float32 matrix products of a shape on the training device [FLOP/s]; a multiply-add counts as two. */
export async function measureMatmulRate(shape: ProductShape, compute: Compute): Promise<number> {
  return withTrainingRuntime(compute, (runtime) => productRate(runtime, shape));
}

/**
 * Fraction of the rate of one large matrix product that a step of a large model reaches: 0.74 with 6.8M parameters (481 ms per step) on two
 * cores, see docs/benchmarks/training.md.
 */
const TRAINING_SHARE = 0.65;

/** The longest step that a plan measures [seconds]. Longer steps are close to the rate of products. */
const LONGEST_TIMED_STEP = 1.5;

export interface StepPlan {
  readonly config: ModelConfig;
  readonly facts: DataFacts;
  readonly settings: TrainingSettings & ModuleSettings;
  readonly compute: Compute;
  /** FLOPs of one step, padding excluded. */
  readonly flops: number;
}

export interface StepEstimate {
  /** Time of one step [seconds]. */
  readonly seconds: number;
  /** Time to build the programs of all batch shapes [seconds]. */
  readonly compileSeconds: number;
  /** Rate of matrix products in a training step [FLOP/s]. */
  readonly rate: number;
  readonly basis: string;
}

/** @throws SlmError DEVICE_UNAVAILABLE */
export async function estimateStep(plan: StepPlan): Promise<StepEstimate> {
  const { config, facts, settings, compute, flops } = plan;
  const batchTokens = settings.batchSize * (imageTokensOf(config) + facts.source + facts.target);
  const shape = { rows: Math.min(batchTokens, 4096), inner: config.width, columns: config.feedForward };
  const rate = TRAINING_SHARE * (await measureMatmulRate(shape, compute));
  if (flops / rate > LONGEST_TIMED_STEP || imageTokensOf(config) > 0)
    return {
      seconds: flops / rate,
      compileSeconds: 0,
      rate,
      basis: `at ${formatCount(rate)}FLOP/s, the part of the matrix product rate, measured now, that training reaches`,
    };
  const { seconds, compileSeconds } = await timedStep(plan);
  return {
    seconds,
    compileSeconds,
    rate: flops / seconds,
    basis: `a step measured now takes ${formatSeconds(seconds)} with a cross-entropy loss`,
  };
}

/**
 * Times a step with the most frequent batch shape, and scales it by tokens to the mean over all shapes.
 *
 * The loss is cross-entropy. With a small vocabulary, the loss terms on the teacher's distributions cost little more.
 */
async function timedStep({
  config,
  facts,
  settings,
  compute,
}: StepPlan): Promise<Pick<StepEstimate, "seconds" | "compileSeconds">> {
  const { buckets, timed, meanTokens } = shapesOf(facts, settings.buckets);
  const { batchSize } = settings;
  const tokens = (length: number): Int32Array => new Int32Array(length).fill(config.tokens.unknown);
  const rows = Array.from({ length: batchSize }, () => 0);
  const pairs = pairsOf(
    rows.map(() => tokens(timed.source)),
    // The objective adds the second special token of a target.
    rows.map(() => tokens(timed.target - 1)),
  );
  const workDirectory = await mkdtemp(join(tmpdir(), "slm-step-"));
  try {
    return await withEngine(compute, async (engine) => {
      const { seconds, compileSeconds } = await measureStep({
        stage: "plan",
        engine,
        config,
        settings,
        objective: teacherObjective(config, pairs, { batchSize, labelSmoothing: 0 }),
        bucket: timed,
        workDirectory,
        context: { seed: 1, progress: SILENT, signal: new AbortController().signal },
      });
      return {
        seconds: (seconds * settings.gradientAccumulationSteps * meanTokens) / (timed.source + timed.target),
        compileSeconds: compileSeconds * buckets,
      };
    });
  } finally {
    await removePath(workDirectory);
  }
}

/** The batch shapes of the rows: how many there are, the most frequent one, and the mean tokens per row. */
function shapesOf(
  { lengths, source, target }: DataFacts,
  limit: number,
): { readonly buckets: number; readonly timed: Bucket; readonly meanTokens: number } {
  if (lengths === undefined)
    return { buckets: limit, timed: { source, target }, meanTokens: source + target };
  const buckets = planBuckets(lengths, limit);
  const counts = buckets.map(() => 0);
  for (const bucket of assignBuckets(lengths, buckets)) counts[bucket]! += 1;
  const most = counts.indexOf(Math.max(...counts));
  const rows = lengths.source.length;
  const meanTokens =
    buckets.reduce(
      (sum, { source: read, target: written }, index) => sum + counts[index]! * (read + written),
      0,
    ) / rows;
  return { buckets: buckets.length, timed: buckets[most]!, meanTokens };
}
