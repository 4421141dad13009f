import type { Row } from "@slm/data";
import { decoderOnlyConfig, encoderDecoderConfig, type ModelConfig } from "@slm/model";
import { createTokenizer, trainSymbolTokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { drawRows, drawStreamedRows } from "./dev-metric.js";
import { GreedyPredictor } from "./greedy-predictor.js";
import type { LiveModel } from "../contract/training-contract.js";
import { randomLiveModel } from "../test-support/live-model.test-support.js";

const words = ["a", "ab", "bab", "bb", "aaab"];
const rows: readonly Row[] = words.map((source) => ({ source, target: "A B" }));
const tokenizer = createTokenizer(
  trainSymbolTokenizer({ sources: words, targets: ["A B"], sourceLowercase: false }),
);
const shape = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxSource: 4,
  maxTarget: 5,
  vocabularySize: tokenizer.vocabularySize,
  tokens: tokenizer.tokens,
};
const MODELS: readonly ModelConfig[] = [
  encoderDecoderConfig.parse({ ...shape, encoderLayers: 1 }),
  decoderOnlyConfig.parse(shape),
];

test.each(MODELS)(
  "a $architecture model predicts the same for a text alone and in a batch",
  async (config) => {
    const live = await randomLiveModel(config, 20);
    const together = await new GreedyPredictor(rows, tokenizer, 5).predict(live);
    for (const [index, word] of words.entries()) {
      const alone = new GreedyPredictor([{ source: word }], tokenizer, 5);
      expect(await alone.predict(live)).toEqual([together[index]]);
    }
  },
);

test.each(MODELS)("greedy predictions of a $architecture model follow the given weights", async (config) => {
  const [first, second] = [await randomLiveModel(config, 5), await randomLiveModel(config, 6)];
  const predictor = new GreedyPredictor(rows, tokenizer, 5);
  const before = await predictor.predict(first);
  // Weights of the second model on the engine of the first.
  const moved: Record<string, LiveModel["feeds"][string]> = {};
  for (const [name, tensor] of Object.entries(second.feeds))
    moved[name] = await first.engine.upload(await second.engine.download(tensor));
  const after = await predictor.predict({ ...first, feeds: moved });
  expect(after).toEqual(await new GreedyPredictor(rows, tokenizer, 5).predict(second));
  expect(after).not.toEqual(before);
  expect(await predictor.predict(first)).toEqual(before);
  await predictor.close();
});

describe("rows to measure", () => {
  async function* stream(): AsyncGenerator<Row> {
    for (const row of rows) yield await Promise.resolve(row);
  }

  test("are the same drawn from a list and from a stream", async () => {
    for (const limit of [1, 3, 9]) {
      const drawn = drawRows(rows, limit, 4);
      expect(drawn.length).toBe(Math.min(limit, rows.length));
      expect(await drawStreamedRows(stream, limit, 4)).toEqual(drawn);
    }
    expect(drawRows(rows, 5, 1)).not.toEqual(drawRows(rows, 5, 2));
  });

  test("are rejected where there are none", async () => {
    await expect(drawStreamedRows(async function* () {}, 1, 1)).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  });
});
