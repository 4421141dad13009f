import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import { initializeWeights } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { weightsFromTeacher } from "./initial-weights.js";
import { studentConfig, teacherConfig } from "./test-support/tiny.test-support.js";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "initial-"));
});
afterEach(() => rm(directory, { recursive: true }));

const TABLE = "embedding.weight";

describe(weightsFromTeacher, () => {
  test("starts from the teacher's table, everything else drawn from the seed", async () => {
    const equal = { ...teacherConfig, width: studentConfig.width };
    const weights = initializeWeights(equal, createRandom(9).next);
    await writeCheckpoint(directory, { config: equal, weights });
    const student = await weightsFromTeacher(studentConfig, directory, 2);
    const fresh = initializeWeights(studentConfig, createRandom(2).next);
    for (const [name, { data }] of student)
      expect(data).toEqual(name === TABLE ? weights.get(TABLE)!.data : fresh.get(name)!.data);
  });

  test.each([undefined, "no-such-directory"])(
    "rejects a teacher that is no checkpoint: %s",
    async (given) => {
      await expect(weightsFromTeacher(studentConfig, given, 2)).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    },
  );

  test("rejects a teacher of another vocabulary", async () => {
    const other = { ...teacherConfig, vocabularySize: teacherConfig.vocabularySize + 1 };
    await writeCheckpoint(directory, {
      config: other,
      weights: initializeWeights(other, createRandom(9).next),
    });
    await expect(weightsFromTeacher(studentConfig, directory, 2)).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
    });
  });
});
