import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { initializeWeights } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import type { TokenizerFiles } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { initializeConfig } from "../config/initialize-config.js";
import { studentEmbeddings } from "./student-embeddings.js";
import { studentConfig, teacherConfig, tinyCorpus } from "../test-support/tiny.test-support.js";

const directory = temporaryFolder({ each: true });

const TABLE = "embedding.weight";

/** A student with a teacher without a tokenizer, so that the student's own files are not read. */
const request = (teacherDirectory: string | undefined): Parameters<typeof studentEmbeddings>[0] => ({
  config: studentConfig,
  files: { tokenizer: {}, config: {} } as TokenizerFiles,
  initialize: initializeConfig.parse({ fromTeacher: "embeddings" }),
  teacherDirectory,
  warmupSteps: 1,
  pairs: tinyCorpus(4).pairs,
  seed: 2,
});

describe(studentEmbeddings, () => {
  test("starts from the teacher's table; other weights are random", async () => {
    const equal = { ...teacherConfig, width: studentConfig.width };
    const weights = initializeWeights(equal, createRandom(9).next);
    await writeCheckpoint(directory, { config: equal, weights });
    const { weights: student, groups, message } = await studentEmbeddings(request(directory));
    const fresh = initializeWeights(studentConfig, createRandom(2).next);
    for (const [name, { data }] of student)
      expect(data).toEqual(name === TABLE ? weights.get(TABLE)!.data : fresh.get(name)!.data);
    // Only the teacher's table has a different learning rate.
    const rated = [...student.keys()].filter((name) => groups.groupOf(name) !== undefined);
    expect(rated).toEqual([TABLE]);
    expect(groups.factorAt(groups.groupOf(TABLE)!, 1)).toBe(0.25);
    expect(message).toMatch(/^embedding from the teacher's: 9 tokens start as one teacher token/u);
  });

  test.each([undefined, "no-such-directory"])(
    "rejects a teacher that is no checkpoint: %s",
    async (given) => {
      await expect(studentEmbeddings(request(given))).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    },
  );

  test("rejects a teacher with another vocabulary", async () => {
    const other = { ...teacherConfig, vocabularySize: teacherConfig.vocabularySize + 1 };
    await writeCheckpoint(directory, {
      config: other,
      weights: initializeWeights(other, createRandom(9).next),
    });
    await expect(studentEmbeddings(request(directory))).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
    });
  });
});
