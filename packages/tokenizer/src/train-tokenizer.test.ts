import { describe, expect, test } from "vitest";
import { createTokenizer } from "./create-tokenizer.js";
import { tokenizerConfig, type TrainedTokenizerConfig } from "./tokenizer-config.js";
import { trainTokenizer } from "./train-tokenizer.js";

const ROWS = [
  { source: "cat", target: "K AE T" },
  { source: "It's", target: "IH T S" },
];

async function* later<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

describe(trainTokenizer, () => {
  test("makes a byte-level vocabulary of 2048 entries at most where asked for bpe", async () => {
    const files = await trainTokenizer(
      later(ROWS),
      tokenizerConfig.parse({ kind: "bpe" }) as TrainedTokenizerConfig,
    );
    expect(createTokenizer(files).vocabularySize).toBeGreaterThanOrEqual(260);
    expect(files.config.source).toEqual({ lowercase: false });
  });
});
