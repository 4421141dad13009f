import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { initializeWeights } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { trainBpeTokenizer, writeTokenizer } from "@slm/tokenizer";
import { expect, test } from "vitest";
import { weightsFromStudent } from "./weights-from-student.js";
import { studentConfig } from "../test-support/tiny.test-support.js";

const directory = temporaryFolder();
const TABLE = "embedding.weight";

test("tokens with the same text keep their rows, at any id in the new vocabulary", async () => {
  const filesOf = (words: readonly string[]) =>
    trainBpeTokenizer(
      words.flatMap((word) => [
        { source: word, target: word },
        { source: word, target: word },
      ]),
      { vocabularySize: 300, minCount: 2, spaces: "joined", sourceLowercase: false },
    );
  const [before, after] = [await filesOf(["dog", "dogs"]), await filesOf(["cat", "cats", "dog"])];
  const idsOf = ({ tokenizer }: typeof before) => tokenizer.model.vocab as Readonly<Record<string, number>>;
  const configOf = (files: typeof before) => ({
    ...studentConfig,
    vocabularySize: 1 + Math.max(...Object.values(idsOf(files))),
  });
  const given = initializeWeights(configOf(before), createRandom(9).next);
  await writeCheckpoint(directory, { config: configOf(before), weights: given });
  await writeTokenizer(before, directory);

  const found = await weightsFromStudent(configOf(after), after, directory, 2);
  const rowOf = (weights: typeof found, id: number) =>
    (weights.get(TABLE)!.data as Float32Array).subarray(
      id * studentConfig.width,
      (id + 1) * studentConfig.width,
    );
  const fresh = initializeWeights(configOf(after), createRandom(2).next);
  expect(idsOf(after)["dog"]).not.toBe(idsOf(before)["dog"]);
  expect(rowOf(found, idsOf(after)["dog"]!)).toEqual(rowOf(given, idsOf(before)["dog"]!));
  expect(rowOf(found, idsOf(after)["cat"]!)).toEqual(rowOf(fresh, idsOf(after)["cat"]!));
});
