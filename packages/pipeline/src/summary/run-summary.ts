/** How good, large and fast the models of a run are, read from the artifacts of its stages. */
import { BENCH_FILES, benchResultSchema, type BenchResult } from "@slm/bench";
import { readJsonFile, readManifest, type Manifest } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { isMetricName, isWorstValue } from "@slm/metrics";
import { BASELINE_NAME } from "@slm/onnx-export";
import { divergenceText } from "@slm/training";
import { join } from "node:path";
import { z } from "zod";
import { HELD_OUT_SPLITS, type HeldOutSplit } from "../models/held-out-rows.js";

/** A figure with its 95 % confidence interval, where one was computed. */
export interface SummaryFigure {
  readonly value: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** Role of a model in a run. */
type ModelRole = "deployed" | "float32" | "other scheme";

export interface SummarizedModel {
  readonly role: ModelRole;
  /** Format of its weights: `float32` or the scheme. */
  readonly scheme: string;
  /** Graphs with their weights, on disk [bytes]. */
  readonly bytes?: number | undefined;
  /** Task metrics on the held-out rows, by name. */
  readonly metrics: Readonly<Record<string, SummaryFigure>>;
  /** Median time to first token (TTFT) [ms]. */
  readonly firstTokenMs?: SummaryFigure | undefined;
  /** Median decode rate. */
  readonly tokensPerSecond?: SummaryFigure | undefined;
}

/** A model that was measured on the dev split while it was trained. */
export interface TrainedModel {
  readonly parameters?: number | undefined;
  readonly devMetrics: Readonly<Record<string, number>>;
}

export interface RunSummary {
  /** The metric of the gate, which decides whether the model is deployed; null before it was asked. */
  readonly metric: string | null;
  /** The worst value of that metric that the gate accepts; null before it was asked. */
  readonly limit: number | null;
  /** The deployed model first. Empty before the models were measured. */
  readonly models: readonly SummarizedModel[];
  /** The rows of `metrics`; null before any were measured. */
  readonly heldOut: { readonly split: HeldOutSplit; readonly rows: number } | null;
  /** The student in training, on the dev split that chose its checkpoint. */
  readonly student: TrainedModel | null;
  /** The teacher in its own training, on the same dev split; no metrics for one that was not trained in this run. */
  readonly teacher: TrainedModel | null;
  /** Rows that the student learnt from. */
  readonly training: {
    /** Rows with labels of the data. */
    readonly labelled?: number | undefined;
    /** Rows with targets that a teacher generated. */
    readonly byTeacher?: number | undefined;
  };
  /** Where the speed was measured; null before it was. */
  readonly device: { readonly name: string; readonly threads: number; readonly simulated: boolean } | null;
  /** The deployed model against a decoder-only model of equal size: ratios of medians. */
  readonly baseline: {
    readonly firstTokenMs: number;
    readonly tokensPerSecond: number;
    /** Time of a whole answer. */
    readonly totalMs: number;
  } | null;
  /** Size of the bundle, its card included [bytes]; null before it was made. */
  readonly bundleBytes: number | null;
  /** Reasons to doubt the model. */
  readonly warnings: readonly string[];
}

/** Names that stage `bench` gives the models of a run. */
export const BENCH_NAMES = { deployed: "student", float32: "student-float32" } as const;

const numbers = z.record(z.string(), z.number());

const divergence = z.object({ firstLoss: z.number(), peakLoss: z.number(), step: z.number() });

/** The fields of stages' reports that are read here. Reports of earlier versions lack some. */
const REPORTS = {
  data: z.looseObject({ splits: z.looseObject({ train: z.number() }) }),
  teacher: z.looseObject({
    parameters: z.number().optional(),
    metrics: numbers.optional(),
    finetuned: z.looseObject({ metrics: numbers, diverged: divergence.optional() }).optional(),
    diverged: divergence.optional(),
  }),
  distill: z.looseObject({
    parameters: z.number(),
    metrics: numbers,
    diverged: divergence.optional(),
    stored: z.record(z.string(), z.looseObject({ rows: z.number() })).optional(),
  }),
  quantize: z.looseObject({
    n: z.number(),
    split: z.enum(HELD_OUT_SPLITS),
    scheme: z.string(),
    gate: z.looseObject({ metric: z.string(), limit: z.number().optional() }),
    models: z.array(
      z.looseObject({
        name: z.string(),
        bytes: z.number(),
        metrics: numbers,
        intervals: z.record(z.string(), z.object({ low: z.number(), high: z.number() })).optional(),
      }),
    ),
  }),
} as const;

type Reports = { readonly [Name in keyof typeof REPORTS]?: z.infer<(typeof REPORTS)[Name]> | undefined };

const FLOAT32 = "float32";

/** Test rows from which an interval is narrow enough to compare models: 100 rows give 50 % within 10 points. */
const FEW_ROWS = 100;

/**
 * The summary of a run.
 *
 * @param artifacts directories of the finished stages, by stage
 * @param measured the benchmark, while its stage is not finished
 * @throws SlmError DATA_INVALID for a corrupt manifest
 */
export async function summarizeStages(
  artifacts: Readonly<Record<string, string>>,
  measured?: BenchResult,
): Promise<RunSummary> {
  const reports: Reports = {
    data: await reportOf("data", artifacts),
    teacher: await reportOf("teacher", artifacts),
    distill: await reportOf("distill", artifacts),
    quantize: await reportOf("quantize", artifacts),
  };
  const bench = measured ?? (artifacts.bench === undefined ? undefined : await benchOf(artifacts.bench));
  const { quantize, distill, teacher, data } = reports;
  const bundle = artifacts.deploy === undefined ? undefined : await manifestOf(artifacts.deploy);
  const stored = Object.values(distill?.stored ?? {}).map(({ rows }) => rows);
  return {
    metric: quantize?.gate.metric ?? null,
    limit: quantize?.gate.limit ?? null,
    models: modelsOf(quantize, bench),
    heldOut: quantize === undefined ? null : { split: quantize.split, rows: quantize.n },
    student: distill === undefined ? null : { parameters: distill.parameters, devMetrics: distill.metrics },
    teacher:
      teacher === undefined
        ? null
        : {
            parameters: teacher.parameters,
            devMetrics: teacher.finetuned?.metrics ?? teacher.metrics ?? {},
          },
    training: {
      labelled: data?.splits.train,
      byTeacher: stored.length === 0 ? undefined : stored.reduce((sum, rows) => sum + rows, 0),
    },
    device: bench === undefined ? null : deviceOf(bench),
    baseline: bench === undefined ? null : baselineOf(bench, quantize !== undefined),
    bundleBytes: bundle === undefined ? null : bundle.outputs.reduce((sum, { bytes }) => sum + bytes, 0),
    warnings: warningsOf(reports),
  };
}

function modelsOf(quantize: Reports["quantize"], bench: BenchResult | undefined): readonly SummarizedModel[] {
  const timed = (name: string): Pick<SummarizedModel, "firstTokenMs" | "tokensPerSecond" | "bytes"> => {
    const found = bench?.models.find((model) => model.name === name);
    if (found === undefined) return {};
    const { firstTokenMs, tokensPerSecond, bytes } = found;
    return { bytes, firstTokenMs: medianOf(firstTokenMs), tokensPerSecond: medianOf(tokensPerSecond) };
  };
  if (quantize === undefined) {
    // Without quantization the float32 export is deployed.
    const deployed = timed(BENCH_NAMES.float32);
    return deployed.bytes === undefined
      ? []
      : [{ role: "deployed", scheme: FLOAT32, metrics: {}, ...deployed }];
  }
  const roleOf = (name: string): ModelRole =>
    name === quantize.scheme ? "deployed" : name === FLOAT32 ? "float32" : "other scheme";
  const models = quantize.models.map(({ name, bytes, metrics, intervals }): SummarizedModel => {
    const role = roleOf(name);
    const figures = Object.entries(metrics).map(
      ([metric, value]) => [metric, { value, ...intervals?.[metric] }] as const,
    );
    const speed = role === "other scheme" ? {} : timed(BENCH_NAMES[role]);
    return { role, scheme: name, metrics: Object.fromEntries(figures), ...speed, bytes };
  });
  const rank: Readonly<Record<ModelRole, number>> = { deployed: 0, float32: 1, "other scheme": 2 };
  return models.sort((a, b) => rank[a.role] - rank[b.role]);
}

function medianOf({
  p50,
  interval: { low, high },
}: {
  readonly p50: number;
  readonly interval: { readonly low: number; readonly high: number };
}): SummaryFigure {
  return { value: p50, low, high };
}

function deviceOf({ device }: BenchResult): RunSummary["device"] {
  const { cpu, description, provider, threads, simulated } = device;
  return { name: provider === "cpu" ? cpu : `${provider}, ${description}`, threads, simulated };
}

/** The deployed model beside the decoder-only baseline; one that decodes ahead is also compared with itself, one token at a time. */
export function baselineOf(
  { comparisons }: Pick<BenchResult, "comparisons">,
  isQuantized: boolean,
): RunSummary["baseline"] {
  const name = isQuantized ? BENCH_NAMES.deployed : BENCH_NAMES.float32;
  const found = comparisons.find(({ model, baseline }) => model === name && baseline === BASELINE_NAME);
  if (found === undefined) return null;
  const { firstTokenMs, tokensPerSecond, totalMs } = found.ratios;
  return { firstTokenMs, tokensPerSecond, totalMs };
}

function warningsOf({ teacher, distill, quantize }: Reports): readonly string[] {
  const diverged = [
    ["teacher", teacher?.finetuned?.diverged ?? teacher?.diverged],
    ["distill", distill?.diverged],
  ] as const;
  const deployed = quantize?.models.find(({ name }) => name === quantize.scheme);
  return [
    ...diverged.flatMap(([stage, found]) =>
      found === undefined ? [] : [`${stage}: ${divergenceText(found)}; lower learningRate`],
    ),
    ...Object.entries(deployed?.metrics ?? {}).flatMap(([name, value]) =>
      isMetricName(name) && isWorstValue(name, value)
        ? [`the deployed model has the worst ${name} there is on the held-out rows`]
        : [],
    ),
    ...(quantize !== undefined && quantize.split !== "test"
      ? [`there are no test rows: metrics are of the ${quantize.split} split, which chose the checkpoint`]
      : []),
    ...(quantize !== undefined && quantize.n < FEW_ROWS
      ? [`metrics of ${quantize.n} rows are uncertain: see their intervals`]
      : []),
  ];
}

async function reportOf<Name extends keyof typeof REPORTS>(
  stage: Name,
  artifacts: Readonly<Record<string, string>>,
): Promise<Reports[Name]> {
  const directory = artifacts[stage];
  if (directory === undefined) return undefined;
  const manifest = await manifestOf(directory);
  return REPORTS[stage].safeParse(manifest?.details).data as Reports[Name];
}

async function manifestOf(directory: string): Promise<Manifest | undefined> {
  return ifThere(readManifest(directory));
}

async function benchOf(directory: string): Promise<BenchResult | undefined> {
  return ifThere(readJsonFile(join(directory, BENCH_FILES.result), benchResultSchema));
}

/** Undefined if the artifact does not exist. */
async function ifThere<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SlmError && error.code === "INPUT_MISSING") return undefined;
    throw error;
  }
}
