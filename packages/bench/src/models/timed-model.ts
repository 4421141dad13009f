/** A model that can be timed, in this process or another, and the result of one timing. */
import type { GenerateOptions, Model, Source } from "@slm/inference";
import { imageOfFile } from "@slm/vision";
import { z } from "zod";

/** A prompt: a text, optionally with the path of an image file. */
export const promptSchema = z.union([
  z.string(),
  z.strictObject({ text: z.string(), image: z.string().min(1) }),
]);
export type BenchPrompt = z.infer<typeof promptSchema>;

export const promptText = (prompt: BenchPrompt): string =>
  typeof prompt === "string" ? prompt : prompt.text;

/** Words of a text: runs of characters between white space. */
export const countWords = (text: string): number => text.split(/\s+/u).filter((word) => word !== "").length;

const sourceOf = (prompt: BenchPrompt): Source =>
  typeof prompt === "string" ? prompt : { text: prompt.text, image: imageOfFile(prompt.image) };

/** One measured generation. All times come from the clock of the generating process. */
export const sampleSchema = z.strictObject({
  firstTokenMs: z.number().nonnegative().describe("Time to the first logits, image and encoding included."),
  imageMs: z
    .number()
    .nonnegative()
    .optional()
    .describe("The part of it for the image: reading, decoding and resizing the file, and the vision graph."),
  decodeMs: z.number().nonnegative().describe("Time of the steps after the first."),
  gapsMs: z.array(z.number().nonnegative()).describe("Time from each decoder step to the next, in order."),
  steps: z.int().positive().describe("Decoder steps: the tokens of a row, EOS included."),
  words: z.int().nonnegative().describe("Generated tokens of all rows."),
  totalMs: z.number().positive().describe("Total time from text to text: tokenizer, encoder, decoder."),
});
export type Sample = z.infer<typeof sampleSchema>;

/** Measured behaviour of the CPU's int8 matrix multiplication. */
export const int8Schema = z
  .strictObject({
    instructions: z
      .array(z.string())
      .nullable()
      .describe("CPU features that add 8-bit products in 32 bits; null if the system does not report them."),
    saturates: z
      .boolean()
      .describe("Whether ONNX Runtime's default int8 kernels saturate here, as measured."),
    meaning: z.string(),
  })
  .optional()
  .describe("How the CPU multiplies 8-bit integers; absent if another device computes.");

export const fallbackSchema = z.strictObject({ device: z.string(), reason: z.string() });

export const openedSchema = z.strictObject({
  loadMs: z
    .number()
    .nonnegative()
    .describe("Time to read graphs and tokenizer; the runtime is loaded before."),
  processRssBytes: z
    .int()
    .positive()
    .describe("Peak memory of the process and the runtime, before the model is read."),
  device: z.strictObject({
    provider: z.string(),
    threads: z.int().positive(),
    description: z.string(),
    simulated: z.boolean(),
    fallbacks: z.array(fallbackSchema),
    int8: int8Schema,
  }),
});
export type Opened = z.infer<typeof openedSchema>;

/** A model under measurement. Calls are made one at a time. */
export interface TimedModel {
  readonly opened: Opened;
  /** One greedy generation for one prompt, or for copies of it, of at most `maxTokens`. Default: as many tokens as fit. */
  run(prompt: BenchPrompt, maxTokens?: number): Promise<Sample>;
  /** Peak resident memory of the process that runs this model [bytes]. */
  peakRssBytes(): Promise<number>;
  close(): Promise<void>;
}

/** Times one generation of `batch` equal rows. */
export async function timeGeneration(
  generator: Pick<Model, "generate">,
  prompt: BenchPrompt,
  { batch, maxTokens }: { readonly batch: number; readonly maxTokens: number | undefined },
): Promise<Sample> {
  const options: GenerateOptions = { batchSize: batch, maxTokens, abstain: "off" };
  const rows = Array.from({ length: batch }, () => sourceOf(prompt));
  const start = performance.now();
  const [generation] = await generator.generate(rows, options);
  const totalMs = performance.now() - start;
  if (generation === undefined) throw new Error("bench: the generator returned nothing for one prompt");
  const { text, tokens, firstTokenMs, imageMs, finished, stepsMs } = generation;
  return {
    firstTokenMs,
    imageMs,
    decodeMs: generation.totalMs - firstTokenMs,
    gapsMs: stepsMs.slice(1).map((at, step) => at - stepsMs[step]!),
    steps: tokens.length + (finished ? 1 : 0),
    words: batch * countWords(text),
    totalMs,
  };
}
