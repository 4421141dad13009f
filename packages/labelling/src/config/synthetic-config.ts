/** The `synthetic` part of the `cache` section: sources that the teacher writes. */
import { z } from "zod";

const text = z.string().max(1 << 16);

export const syntheticSourcesConfig = z.strictObject({
  sources: z.int().positive().max(1_000_000).describe("Sources to write [sources]."),
  examples: z
    .int()
    .positive()
    .max(100)
    .default(8)
    .describe("Training sources shown in every prompt, drawn at random [sources]."),
  instruction: text
    .default("")
    .describe("Text at the beginning of the prompt, such as what the sources are."),
  before: text
    .min(1)
    .default("- ")
    .describe("Text before every source of the prompt, and before the one to write."),
  end: text
    .min(1)
    .default("\n")
    .describe("Text after every source of the prompt; its first token ends the one that is written."),
  temperature: z.number().positive().default(1).describe("Sampling temperature."),
  similarity: z
    .number()
    .gt(0)
    .max(1)
    .default(0.7)
    .describe(
      "Sources at least this similar to a source of the data, or to one written before, are left out: Jaccard similarity of character trigrams.",
    ),
});

export type SyntheticSourcesConfig = z.infer<typeof syntheticSourcesConfig>;
