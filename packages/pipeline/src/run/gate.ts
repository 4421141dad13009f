/** Checks limits on a run's figures (quality, speed, size), which it reads from the artifacts of the stages. */
import { join } from "node:path";
import { ifThere, readJsonFile, readManifest } from "@slm/core";
import { BENCH_FILES, benchResultSchema } from "@slm/bench";
import { SlmError } from "@slm/core/errors";
import { METRICS, isMetricName } from "@slm/metrics";
import { z } from "zod";

export interface LimitCheck {
  readonly limit: string;
  /** Absent if nothing was measured under this name. */
  readonly value?: number;
  readonly pass: boolean;
}

const COMPARE = {
  "<=": (value: number, limit: number) => value <= limit,
  ">=": (value: number, limit: number) => value >= limit,
} as const;

const LIMIT = /^([A-Za-z][A-Za-z0-9]*)(<=|>=)(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;

interface Limit {
  readonly text: string;
  readonly figure: string;
  readonly compare: keyof typeof COMPARE;
  readonly bound: number;
}

/** The gate of the recipe, as stage `quantize` checked it: the deployed model's metric on held-out rows, and the worst that passes. */
const recipeGate = z.object({
  metric: z.string(),
  before: z.number(),
  after: z.number(),
  limit: z.number(),
  pass: z.boolean(),
});

export interface RecipeGate extends z.infer<typeof recipeGate> {
  readonly higherIsBetter: boolean;
  /** The metric of always giving the most frequent answer, if the model is no better than that; such a model does not pass. */
  readonly noBetterThan?: number | undefined;
}

/** The fields that are read from the report of stage `quantize`. */
const quantizeDetails = z.looseObject({
  scheme: z.string(),
  gate: recipeGate,
  mostFrequentAnswer: z.number().nullish(),
  models: z.array(z.looseObject({ name: z.string(), metrics: z.record(z.string(), z.number()) })),
});

/** @throws SlmError USAGE for a malformed limit; DATA_INVALID if the run's artifacts cannot be read. */
export async function checkLimits(run: string, limits: readonly string[]): Promise<readonly LimitCheck[]> {
  const parsed = limits.map(parseLimit);
  const figures = await figuresOf(run);
  return parsed.map(({ text, figure, compare, bound }) => {
    const value = figures.get(figure);
    if (value === undefined) return { limit: text, pass: false };
    return { limit: text, value, pass: COMPARE[compare](value, bound) };
  });
}

/** The result of the recipe's own gate; null for a run without stage `quantize`. @throws SlmError DATA_INVALID */
export async function readRecipeGate(run: string): Promise<RecipeGate | null> {
  const quantized = await ifThere(readManifest(join(run, "quantize")));
  if (quantized === undefined) return null;
  const { gate, mostFrequentAnswer } = quantizeDetails.parse(quantized.details);
  const higherIsBetter = isMetricName(gate.metric) && METRICS[gate.metric].higherIsBetter;
  const usual = mostFrequentAnswer ?? undefined;
  if (usual === undefined || (higherIsBetter ? gate.after > usual : gate.after < usual))
    return { ...gate, higherIsBetter };
  return { ...gate, higherIsBetter, pass: false, noBetterThan: usual };
}

function parseLimit(text: string): Limit {
  const [, figure, compare, bound] = LIMIT.exec(text.replaceAll(" ", "")) ?? [];
  if (figure === undefined || (compare !== "<=" && compare !== ">=") || bound === undefined) {
    throw new SlmError("USAGE", `--limit ${text}: expected figure<=number or figure>=number`, {
      suggestions: ["--limit 'wer<=0.4'"],
    });
  }
  return { text, figure, compare, bound: Number(bound) };
}

/** All figures of a run, by name; empty if it has none. @throws SlmError DATA_INVALID */
export async function figuresOf(run: string): Promise<ReadonlyMap<string, number>> {
  const figures = new Map<string, number>();
  const quantized = await ifThere(readManifest(join(run, "quantize")));
  if (quantized !== undefined) {
    const { scheme, models } = quantizeDetails.parse(quantized.details);
    const metrics = models.find(({ name }) => name === scheme)?.metrics ?? {};
    for (const [name, value] of Object.entries(metrics)) figures.set(name, value);
  }
  const bench = await ifThere(readJsonFile(join(run, "bench", BENCH_FILES.result), benchResultSchema));
  const model = bench?.models[0];
  if (model !== undefined) {
    figures.set("tokensPerSecond", model.tokensPerSecond.p50);
    figures.set("firstTokenMs", model.firstTokenMs.p50);
    figures.set("interTokenMs", model.interTokenMs.p50);
    figures.set("loadMs", model.loadMs);
    figures.set("peakRssBytes", model.peakRssBytes);
    figures.set("parameters", model.parameters);
  }
  const bundle = await ifThere(readManifest(join(run, "deploy")));
  if (bundle !== undefined)
    figures.set(
      "bytes",
      bundle.outputs.reduce((sum, { bytes }) => sum + bytes, 0),
    );
  return figures;
}
