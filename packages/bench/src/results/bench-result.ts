/** Schema of `bench.json`. Every figure was measured on `device`. */
import { z } from "zod";
import { intervalSchema } from "../statistics/interval.js";
import { machineRates } from "../machine/rates.js";
import { regressionSchema } from "./regression-result.js";
import { fallbackSchema, int8Schema } from "../models/timed-model.js";

const figure = z.number().nonnegative();

const latency = z.strictObject({
  p50: figure.describe("50 % of the runs took at most this long."),
  p90: figure.describe("90 % of the runs took at most this long."),
  p95: figure.describe("95 % of the runs took at most this long."),
  p99: figure.describe(
    "99 % of the runs took at most this long; with fewer than 100 runs, nearly the slowest run.",
  ),
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

const benchDevice = z.strictObject({
  cpu: z.string(),
  cpuFeatures: z
    .array(z.string())
    .nullable()
    .describe("CPU features that affect matrix multiplication; null if the system does not report them."),
  governor: z
    .string()
    .nullable()
    .describe("Frequency governor; null if the system does not report it, as on most virtual machines."),
  cores: z.int().positive().describe("CPUs this process may use."),
  threads: z.int().positive().describe("Intra-op threads."),
  memoryBytes: z.int().positive(),
  platform: z.string(),
  node: z.string(),
  engine: z.string().describe("Name and version of the runtime."),
  provider: z.string().describe("Execution provider."),
  description: z.string().describe("Device of the execution provider."),
  simulated: z.boolean().describe("Whether the device is simulated on the CPU."),
  fallbacks: z.array(fallbackSchema).describe("Requested devices that were not available, with the reason."),
  int8: int8Schema,
  loadAverage: figure.describe("Load average of the minute before the first run."),
  stolenShare: figure
    .nullable()
    .describe("Share of CPU time taken by a hypervisor during the runs (steal), if reported."),
  energy: z.string().describe("Source of the energy figures, or why there are none."),
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

const modelFigures = z.strictObject({
  name: z.string(),
  architecture: z.enum(["encoder-decoder", "decoder-only"]),
  scheme: z.string(),
  parameters: z.int().positive(),
  bytes: z.int().positive().describe("Graphs with their weights, on disk [bytes]."),
  runs: z.int().positive(),
  batch: z
    .int()
    .positive()
    .default(1)
    .describe("Batch size: copies of a prompt decoded together in every run [rows]."),
  loadMs: figure.describe(
    "Time to read graphs and tokenizer, median of the loads; the runtime is loaded before [ms].",
  ),
  loadsMs: z.array(figure).min(1).describe("Each load, in a new process, in order [ms]."),
  firstTokenMs: latencyOfRuns.describe(
    "Time to first token (TTFT): from source tokens and image file to the first logits, encoding included [ms].",
  ),
  imageMs: latency
    .optional()
    .describe(
      "The part of it for the image: reading, decoding and resizing the file, and the vision graph [ms].",
    ),
  interTokenMs: latency.describe(
    "Inter-token latency (ITL): from one decoder step to the next, over all steps of all runs [ms].",
  ),
  tokensPerSecond: rate.describe(
    "Decode throughput: tokens of all rows after their first, over the time after the first.",
  ),
  wordsPerSecond: rate.describe("Words of the answer over the total time from text to text."),
  totalMs: latencyOfRuns.describe("Total time from text to text: tokenizer, encoder, decoder [ms]."),
  sourceTokens: figure.describe("Mean length of a source, its image included [tokens]."),
  generatedTokens: figure.describe("Mean length of an answer, EOS included [tokens]."),
  joulesPerToken: figure
    .nullable()
    .describe("Energy of all runs per token, idle power included; null if it was not measured [J]."),
  peakRssBytes: z
    .int()
    .positive()
    .describe("Peak resident memory of a process with only this model [bytes]."),
  processRssBytes: z
    .int()
    .positive()
    .describe("The same before loading the model: process and runtime [bytes]."),
  flopsPerToken: figure.describe(
    "FLOPs of the decoder for one generated token; a multiply-add counts as two.",
  ),
  flopsPerTokenWithSource: figure.describe(
    "The same, with the cost of reading the source (prefill) spread over the answer.",
  ),
  bytesPerToken: figure.describe(
    "Bytes that the decoder reads for one generated token: its weights, which all rows share, and the keys and values of a source and half an " +
      "answer of mean length [bytes].",
  ),
  roofline: z
    .strictObject({
      product: figure.describe("FLOP/s while decoding, divided by the machine's MatMul rate."),
      read: figure.describe(
        "Bytes/s while decoding, divided by the machine's memory read rate; above 1 the data comes from caches.",
      ),
    })
    .describe("Fractions of the machine's roofline, at the median decode throughput."),
  halvesDiffer: figure.describe(
    "Relative difference of the median total time between the two halves of the runs.",
  ),
  spread: figure.describe("Interquartile range of the time per step, divided by its median."),
  samples: z.array(sampleOfRun).describe("Every measured run, in order."),
});

const ratio = z.number().nonnegative();

const modelComparison = z.strictObject({
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
      wordsPerSecond: ratio.nullable().describe("Null if the baseline generated no word."),
      totalMs: ratio,
      peakRssBytes: ratio,
      flopsPerToken: ratio,
      flopsPerTokenWithSource: ratio,
      bytesPerToken: ratio,
    })
    .describe("The model's figure divided by the baseline's; medians of repeated values."),
  intervals: z
    .strictObject({
      firstTokenMs: intervalSchema.nullable(),
      tokensPerSecond: intervalSchema.nullable(),
      totalMs: intervalSchema.nullable(),
    })
    .describe(
      "95 % confidence interval of the ratio of medians (paired bootstrap over rounds); null if no round has both figures.",
    ),
});

export const benchResultSchema = z.strictObject({
  device: benchDevice,
  models: z.array(modelFigures).min(1),
  comparisons: z.array(modelComparison),
  regression: regressionSchema.optional().describe("Comparison with an earlier benchmark, if one was given."),
  notes: z.array(z.string()).describe("Notes about doubtful figures."),
});

export type BenchDevice = z.infer<typeof benchDevice>;
export type ModelFigures = z.infer<typeof modelFigures>;
export type ModelComparison = z.infer<typeof modelComparison>;
export type BenchResult = z.infer<typeof benchResultSchema>;
