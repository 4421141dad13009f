import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import type { Source } from "../options/types.js";
import { evaluateAnswers } from "./evaluate-answers.js";
import type { Answerer, ChunkMaker } from "./evaluation-input.js";
import { answerChunk } from "./run-rows.js";
import type { Scorer } from "./evaluation-input.js";

const directory = temporaryFolder({ each: true });

const shouting: Answerer = {
  generate: (sources: readonly Source[]) =>
    Promise.resolve(
      sources.map((source) => ({
        text: (typeof source === "string" ? source : "").toUpperCase(),
        logProbability: -1,
      })),
    ),
};
/** Gives every character of an answer a probability of 1/2. */
const halving: Scorer = {
  score: (pairs) =>
    Promise.resolve(pairs.map(({ answer }) => ({ nats: answer.length * Math.LN2, tokens: answer.length }))),
};

test("gives the same result as in one thread if several answer the chunks in any order", async () => {
  const rows = Array.from({ length: 20 }, (_, index) => ({ source: `${index} k`, references: ["3 K"] }));
  const shared = { rows, metrics: ["wer", "perplexity"] as const, batchSize: 1, options: { maxTokens: 9 } };
  const [onePath, otherPath] = ["one", "other"].map((name) => join(directory, `${name}.jsonl`));
  const local = { generator: shouting, scorer: halving };
  const one = await evaluateAnswers({ ...shared, ...local, predictionsPath: onePath });
  const asked: unknown[] = [];
  const steps: unknown[] = [];
  const maker: ChunkMaker = {
    make: async ({ chunks, request, accept }) => {
      asked.push(
        chunks.map((chunk) => chunk.rows.length),
        request,
      );
      for (const chunk of [...chunks].reverse())
        accept(chunk.number, await answerChunk(chunk.rows, { ...request, ...local }));
    },
  };
  const progress = ({ step }: { readonly step?: number | undefined }): unknown => steps.push(step);
  const other = await evaluateAnswers({ ...shared, maker, predictionsPath: otherPath, progress });
  expect({ ...other, seconds: 0, predictions: "" }).toEqual({ ...one, seconds: 0, predictions: "" });
  expect(await readFile(otherPath!, "utf8")).toBe(await readFile(onePath!, "utf8"));
  expect(asked).toEqual([
    [8, 8, 4],
    { metrics: ["wer", "perplexity"], batchSize: 1, options: { maxTokens: 9 } },
  ]);
  expect(steps).toEqual([4, 12, 20]);
  const losing: ChunkMaker = {
    make: ({ accept }) => {
      accept(0, { answers: [], likelihoods: [] });
      return Promise.resolve();
    },
  };
  await expect(evaluateAnswers({ ...shared, maker: losing })).rejects.toThrow(
    "expected 8 answers from a thread",
  );
});

test("rejects a constraint where others answer, since they would answer without it", async () => {
  const maker: ChunkMaker = { make: () => Promise.resolve() };
  const constraint = (): never => {
    throw new Error("not asked for");
  };
  const input = { rows: [{ source: "a", references: ["b"] }], metrics: ["wer"] as const, batchSize: 1 };
  await expect(evaluateAnswers({ ...input, maker, constraint })).rejects.toMatchObject({ code: "USAGE" });
});
