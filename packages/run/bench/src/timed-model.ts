/** A model that can be timed, wherever it runs. */
import { z } from "zod";

/** One measured generation, all times on the clock of the process that generates. */
export const sampleSchema = z.strictObject({
  firstTokenMs: z.number().nonnegative().nullable().describe("Null if the model said nothing."),
  totalMs: z.number().nonnegative().describe("Until the last token; until the end where there is none."),
  tokens: z.int().nonnegative(),
  words: z.int().nonnegative(),
  sourceTokens: z.int().nonnegative(),
});
export type Sample = z.infer<typeof sampleSchema>;

export const openedSchema = z.strictObject({
  loadMs: z.number().nonnegative(),
  processRssBytes: z.int().positive(),
  device: z.strictObject({
    provider: z.string(),
    threads: z.int().positive(),
    description: z.string(),
    simulated: z.boolean(),
  }),
});
export type Opened = z.infer<typeof openedSchema>;

export interface RunOptions {
  readonly maxTokens: number;
  /** Go on to `maxTokens` even if the model would stop. */
  readonly ignoreEos: boolean;
}

/** A model under measurement. Calls are made one at a time. */
export interface TimedModel {
  readonly opened: Opened;
  run(prompt: string, options: RunOptions): Promise<Sample>;
  /** Peak resident memory of the process that holds this model [bytes]. */
  peakRssBytes(): Promise<number>;
  close(): Promise<void>;
}

/** The part of a generator that timing needs. */
export interface GeneratesTokens {
  readonly device: Opened["device"];
  generate(
    prompt: string,
    options: RunOptions & { readonly onToken: () => void },
  ): Promise<{ readonly text: string; readonly sourceTokens: number }>;
  close(): Promise<void>;
}

/** Times one generation from the moment the text is handed over. */
export async function timeGeneration(model: GeneratesTokens, prompt: string, options: RunOptions): Promise<Sample> {
  let tokens = 0;
  let first: number | undefined;
  let last: number | undefined;
  const start = performance.now();
  const onToken = (): void => {
    last = performance.now();
    first ??= last;
    tokens += 1;
  };
  const { text, sourceTokens } = await model.generate(prompt, { ...options, onToken });
  const end = last ?? performance.now();
  return {
    firstTokenMs: first === undefined ? null : first - start,
    totalMs: end - start,
    tokens,
    words: text.split(/\s+/u).filter((word) => word !== "").length,
    sourceTokens,
  };
}
