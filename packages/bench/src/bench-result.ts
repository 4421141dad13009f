/** What a benchmark says: the shape of `bench.json`. Every figure was measured on `device`, none is copied or scaled. */
import { z } from "zod";
import { intervalSchema } from "./interval.js";
import { machineRates } from "./machine/rates.js";
import { regressionSchema } from "./regression-result.js";
import { fallbackSchema, int8Schema } from "./timed-model.js";

const figure = z.number().nonnegative();

const latency = z.strictObject({
  p50: figure.describe("Half of the runs took no longer."),
  p90: figure.describe("90 % of the runs took no longer."),
  p95: figure.describe("95 % of the runs took no longer."),
  p99: figure.describe("99 % of the runs took no longer; of fewer than 100 runs nearly the slowest."),
});

const latencyOfRuns = latency.extend({
  interval: intervalSchema.describe("95 % confidence interval of the median."),
});

const rate = z.strictObject({
  p1: figure.describe("99 % of the runs were at least this fast."),
  p5: figure.describe("95 % of the runs were at least this fast: the slow tail."),
  p10: figure.describe("90 % of the runs were at least this fast."),
  p50: figure.describe("Half of the runs were at least this fast."),
  p95: figure.describe("5 % of the runs were at least this fast."),
  interval: intervalSchema.describe("95 % confidence interval of the median."),
});

export const benchDevice = z.strictObject({
  cpu: z.string(),
  cpuFeatures: z
    .array(z.string())
    .nullable()
    .describe("What decides how fast matrices are multiplied; null where the system does not tell."),
  governor: z
    .string()
    .nullable()
    .describe("How the clock is chosen; null where the system does not tell, as most virtual machines."),
  cores: z.int().positive().describe("CPUs this process may use."),
  threads: z.int().positive().describe("Threads one operator may use."),
  memoryBytes: z.int().positive(),
  platform: z.string(),
  node: z.string(),
  engine: z.string().describe("Name and version of what ran the graphs."),
  provider: z.string().describe("Execution provider."),
  description: z.string().describe("What the provider runs on."),
  simulated: z.boolean().describe("Whether the provider only imitates the device it is named after."),
  fallbacks: z.array(fallbackSchema).describe("Devices that were to compute and do not, and why."),
  int8: int8Schema,
  loadAverage: figure.describe("Processes busy on this machine in the minute before the first run."),
  stolenShare: figure
    .nullable()
    .describe("Share of the CPUs' time that a hypervisor took while runs were measured, if it tells."),
  energy: z.string().describe("What tells the energy, or why nothing does."),
  rates: machineRates.describe("The faster of the rates measured before and after the models."),
  ratesDiffer: figure.describe("Largest relative difference between the rates before and after."),
});

const sampleOfRun = z.strictObject({
  sourceTokens: z.int().nonnegative(),
  firstTokenMs: figure,
  decodeMs: figure,
  steps: z.int().positive(),
  words: z.int().nonnegative(),
  totalMs: figure,
});

export const modelFigures = z.strictObject({
  name: z.string(),
  architecture: z.enum(["encoder-decoder", "decoder-only"]),
  scheme: z.string(),
  parameters: z.int().positive(),
  bytes: z.int().positive().describe("Graphs with their weights, on disk [bytes]."),
  runs: z.int().positive(),
  batch: z.int().positive().default(1).describe("Copies of a prompt answered at once in every run [rows]."),
  loadMs: figure.describe(
    "Reading graphs and tokenizer until ready, median of the loads; the runtime is loaded before [ms].",
  ),
  loadsMs: z.array(figure).min(1).describe("Each load, in a process of its own, in order [ms]."),
  firstTokenMs: latencyOfRuns.describe(
    "From source tokens, and the file of an image, to the first next-token probabilities, encoding included [ms].",
  ),
  imageMs: latency
    .optional()
    .describe("Of it the image: its file read, decoded and resized, and the vision graph [ms]."),
  interTokenMs: latency.describe(
    "From one step of the decoder to the next, over all steps of all runs [ms].",
  ),
  tokensPerSecond: rate.describe("Tokens of all rows after their first, over the time after the first."),
  wordsPerSecond: rate.describe("Words of the answer over the whole time from text to text."),
  totalMs: latencyOfRuns.describe("From text to text: tokenizer, encoder, decoder [ms]."),
  sourceTokens: figure.describe("Mean length of a source, its image included [tokens]."),
  generatedTokens: figure.describe("Mean length of an answer, EOS included [tokens]."),
  joulesPerToken: figure
    .nullable()
    .describe(
      "Energy of all runs over their tokens, idle power included; null where it is not measured [J].",
    ),
  peakRssBytes: z
    .int()
    .positive()
    .describe("Peak resident memory of a process that holds this model alone [bytes]."),
  processRssBytes: z
    .int()
    .positive()
    .describe("The same before the model was read: the process and the runtime [bytes]."),
  flopsPerToken: figure.describe("Of the decoder for one generated token; a multiply-add is two."),
  flopsPerTokenWithSource: figure.describe(
    "The same with the cost of reading the source, spread over the answer.",
  ),
  bytesPerToken: figure.describe(
    "What the decoder reads for one generated token: its weights, which all rows share, and the keys and values of a source and half an " +
      "answer of mean length [bytes].",
  ),
  roofline: z
    .strictObject({
      product: figure.describe("FLOPs per second while decoding, over the machine's rate of products."),
      read: figure.describe(
        "Bytes per second while decoding, over the machine's rate of reading; above 1 they come from caches.",
      ),
    })
    .describe("Shares of what this machine can do, at the median decode rate."),
  halvesDiffer: figure.describe(
    "Relative difference of the median total time between both halves of the runs.",
  ),
  spread: figure.describe("Distance of the quartiles of the time per step, over its median."),
  samples: z.array(sampleOfRun).describe("Every measured run, in order."),
});

const ratio = z.number().nonnegative();

export const modelComparison = z.strictObject({
  model: z.string(),
  baseline: z.string(),
  ratios: z
    .strictObject({
      parameters: ratio,
      bytes: ratio,
      loadMs: ratio,
      firstTokenMs: ratio,
      interTokenMs: ratio,
      tokensPerSecond: ratio,
      wordsPerSecond: ratio.nullable().describe("Null where the baseline said no word."),
      totalMs: ratio,
      peakRssBytes: ratio,
      flopsPerToken: ratio,
      flopsPerTokenWithSource: ratio,
      bytesPerToken: ratio,
    })
    .describe("Figure of the model over that of the baseline, medians where there are several."),
  intervals: z
    .strictObject({
      firstTokenMs: intervalSchema.nullable(),
      tokensPerSecond: intervalSchema.nullable(),
      totalMs: intervalSchema.nullable(),
    })
    .describe(
      "Where the true ratio of medians lies, runs of one round taken together; null where no round has both figures.",
    ),
});

export const benchResultSchema = z.strictObject({
  device: benchDevice,
  models: z.array(modelFigures).min(1),
  comparisons: z.array(modelComparison),
  regression: regressionSchema.optional().describe("Against an earlier benchmark, where one was named."),
  notes: z.array(z.string()).describe("Reasons to read the figures with care."),
});

export type BenchDevice = z.infer<typeof benchDevice>;
export type ModelFigures = z.infer<typeof modelFigures>;
export type ModelComparison = z.infer<typeof modelComparison>;
export type BenchResult = z.infer<typeof benchResultSchema>;
