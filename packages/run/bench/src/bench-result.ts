/** What a benchmark says: the shape of `bench.json`. Every figure was measured on `device`, none is copied or scaled. */
import { z } from "zod";

const figure = z.number().nonnegative();

const latency = z.strictObject({
  p50: figure.describe("Half of the runs took no longer."),
  p95: figure.describe("95 % of the runs took no longer."),
});

const rate = z.strictObject({
  p5: figure.describe("95 % of the runs were at least this fast: the slow tail."),
  p50: figure.describe("Half of the runs were at least this fast."),
  p95: figure.describe("5 % of the runs were at least this fast."),
});

export const benchDevice = z.strictObject({
  cpu: z.string(),
  cores: z.int().positive().describe("Processors this process may use."),
  threads: z.int().positive().describe("Threads one operator may use."),
  memoryBytes: z.int().positive(),
  platform: z.string(),
  node: z.string(),
  engine: z.string().describe("Name and version of what ran the graphs."),
  provider: z.string().describe("Execution provider."),
  simulated: z.boolean().describe("Whether the provider only imitates the device it is named after."),
  loadAverage: figure.describe("Processes busy on this machine in the minute before the first run."),
});

export const modelFigures = z.strictObject({
  name: z.string(),
  architecture: z.enum(["encoder-decoder", "decoder-only"]),
  scheme: z.string(),
  parameters: z.int().positive(),
  bytes: z.int().positive().describe("Graphs with their weights, on disk [bytes]."),
  runs: z.int().positive(),
  loadMs: figure.describe("Reading graphs and tokenizer until ready; the engine is loaded before [ms]."),
  firstTokenMs: latency.describe(
    "From source tokens, and the file of an image, to the first next-token probabilities, encoding included [ms].",
  ),
  imageMs: latency
    .optional()
    .describe("Of it the image: its file read, decoded and resized, and the vision graph [ms]."),
  tokensPerSecond: rate.describe("Decoder steps after the first, over the time after the first."),
  wordsPerSecond: rate.describe("Words of the answer over the whole time from text to text."),
  totalMs: latency.describe("From text to text: tokenizer, encoder, decoder [ms]."),
  sourceTokens: figure.describe("Mean length of a source, its image included [tokens]."),
  generatedTokens: figure.describe("Mean length of an answer, the ending token included [tokens]."),
  peakRssBytes: z
    .int()
    .positive()
    .describe("Peak resident memory of a process that holds this model alone [bytes]."),
  processRssBytes: z
    .int()
    .positive()
    .describe("The same before the model was read: the process and the engine [bytes]."),
  flopsPerToken: figure.describe("Of the decoder for one generated token; a multiply-add is two."),
  flopsPerTokenWithSource: figure.describe(
    "The same with the cost of reading the source, spread over the answer.",
  ),
  halvesDiffer: figure.describe(
    "Relative difference of the median total time between both halves of the runs.",
  ),
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
      tokensPerSecond: ratio,
      wordsPerSecond: ratio.nullable().describe("Null where the baseline said no word."),
      totalMs: ratio,
      peakRssBytes: ratio,
      flopsPerToken: ratio,
      flopsPerTokenWithSource: ratio,
    })
    .describe("Figure of the model over that of the baseline, medians where there are several."),
});

export const benchResultSchema = z.strictObject({
  device: benchDevice,
  models: z.array(modelFigures).min(1),
  comparisons: z.array(modelComparison),
  notes: z.array(z.string()).describe("Reasons to read the figures with care."),
});

export type BenchDevice = z.infer<typeof benchDevice>;
export type ModelFigures = z.infer<typeof modelFigures>;
export type ModelComparison = z.infer<typeof modelComparison>;
export type BenchResult = z.infer<typeof benchResultSchema>;
