import { withCode } from "@slm/core/testing";
import { expect, test } from "vitest";
import { evaluateAnswers } from "./evaluate-answers.js";
import type { ChunkMaker } from "./evaluation-input.js";

const input = { rows: [{ source: "a", references: ["b"] }], metrics: ["wer"] as const, batchSize: 1 };

test("rejects a constraint where others answer, since they would answer without it", async () => {
  const maker: ChunkMaker = { make: () => Promise.resolve() };
  const constraint = (): never => {
    throw new Error("not asked for");
  };
  await expect(evaluateAnswers({ ...input, maker, constraint })).rejects.toMatchObject({ code: "USAGE" });
});

test("rejects a thread that loses an answer", async () => {
  const maker: ChunkMaker = {
    make: ({ accept }) => {
      accept(0, { answers: [], likelihoods: [] });
      return Promise.resolve();
    },
  };
  await expect(evaluateAnswers({ ...input, maker })).rejects.toThrow(withCode("DATA_INVALID"));
});

test("reports its start, so that the time of the first chunk counts", async () => {
  const steps: (number | undefined)[] = [];
  await evaluateAnswers({
    ...input,
    generator: { generate: () => Promise.resolve([{ text: "b" }]) },
    progress: ({ step }) => steps.push(step),
  });
  expect(steps).toEqual([0, 1]);
});
