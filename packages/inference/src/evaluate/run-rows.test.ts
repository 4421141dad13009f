import { expect, test } from "vitest";
import { evaluateAnswers } from "./evaluate-answers.js";
import type { ChunkMaker } from "./evaluation-input.js";

test("rejects a constraint where others answer, since they would answer without it", async () => {
  const maker: ChunkMaker = { make: () => Promise.resolve() };
  const constraint = (): never => {
    throw new Error("not asked for");
  };
  const input = { rows: [{ source: "a", references: ["b"] }], metrics: ["wer"] as const, batchSize: 1 };
  await expect(evaluateAnswers({ ...input, maker, constraint })).rejects.toMatchObject({ code: "USAGE" });
});
