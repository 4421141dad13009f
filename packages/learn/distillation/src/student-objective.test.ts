import { createRandom } from "@slm/decoding";
import type { HostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { loadTeacher } from "@slm/teacher";
import { packWeights, planChunks, valueInput, type LiveModel } from "@slm/training";
import { describe, expect, test } from "vitest";
import { distillConfig, type DistillConfig } from "./distill-config.js";
import { studentObjective, targetOrigin } from "./student-objective.js";
import {
  studentConfig,
  studentWeights,
  teacherConfig,
  teacherWeights,
  tinyPairs,
} from "./test-support/tiny.test-support.js";

const { architecture, encoderLayers, decoderLayers, width, heads, kvHeads, headDim, feedForward } =
  studentConfig;
const student = { architecture, encoderLayers, decoderLayers, width, heads, kvHeads, headDim, feedForward };

const settingsOf = (targets: DistillConfig["targets"]): DistillConfig =>
  distillConfig.parse({
    student: { ...student, maxSource: 8, maxTarget: 8 },
    steps: 10,
    batchSize: 3,
    targets,
  });

describe(targetOrigin, () => {
  test("follows the recipe's shares", () => {
    const { next } = createRandom(1);
    const counts = { gold: 0, teacher: 0, student: 0 };
    for (let i = 0; i < 10_000; i++) counts[targetOrigin({ teacher: 0.3, student: 0.2 }, next())] += 1;
    expect(counts.teacher / 10_000).toBeCloseTo(0.3, 1);
    expect(counts.student / 10_000).toBeCloseTo(0.2, 1);
  });

  test("is always gold without shares and never gold when they fill up", () => {
    for (const draw of [0, 0.5, 0.999999]) {
      expect(targetOrigin({ teacher: 0, student: 0 }, draw)).toBe("gold");
      expect(targetOrigin({ teacher: 1, student: 0 }, draw)).toBe("teacher");
      expect(targetOrigin({ teacher: 0.5, student: 0.5 }, draw)).not.toBe("gold");
    }
  });
});

test("shares above one are refused by the recipe", () => {
  expect(() => settingsOf({ teacher: 0.6, student: 0.5 })).toThrow("add up to more than 1");
});

const bucket = { source: 5, target: 6 };
const rows = Int32Array.of(2, 0, 1);

/** Feeds of a step, made by an objective that has made none before, with device tensors downloaded. */
async function feedsAt(
  targets: DistillConfig["targets"],
  step: number,
  seed = 7,
): Promise<Record<string, number[]>> {
  const engine = await createEagerEngine("js");
  const teacher = await loadTeacher(engine, { config: teacherConfig, weights: teacherWeights });
  const feeds: LiveModel["feeds"] = Object.fromEntries(
    await Promise.all(
      planChunks(studentConfig).map(
        async (chunk) =>
          [valueInput(chunk), await engine.upload(packWeights(chunk, studentWeights))] as const,
      ),
    ),
  );
  const objective = studentObjective({
    config: studentConfig,
    settings: settingsOf(targets),
    pairs: tinyPairs(5),
    teacher,
    gold: { read: () => ({ dtype: "float32", shape: [1], data: Float32Array.of(42) }) },
    seed,
  });
  const made = await objective.feeds({ bucket: 0, rows }, bucket, step, {
    engine,
    config: studentConfig,
    feeds,
  });
  const values: Record<string, number[]> = {};
  for (const [name, value] of Object.entries(made.feeds)) {
    const host: HostTensor = "id" in value ? await engine.download(value) : value;
    values[name] = Array.from(host.data, Number);
  }
  await objective.close();
  return values;
}

describe("a batch", () => {
  test("of gold targets reads the stored logits", async () => {
    const feeds = await feedsAt({ teacher: 0, student: 0 }, 1);
    expect(feeds["teacher"]).toEqual([42]);
    expect(feeds["gold.labels"]).toBeUndefined();
  });

  test("of student targets is a pure function of seed and step, and keeps gold labels beside", async () => {
    const onPolicy = { teacher: 0, student: 1 };
    const first = await feedsAt(onPolicy, 3);
    expect(await feedsAt(onPolicy, 3)).toEqual(first);
    expect((await feedsAt(onPolicy, 4))["kl.labels"]).not.toEqual(first["kl.labels"]);
    expect((await feedsAt(onPolicy, 3, 8))["kl.labels"]).not.toEqual(first["kl.labels"]);
    const pairs = tinyPairs(5);
    expect(first["gold.labels"]!.slice(0, pairs.lengths.target[2])).toEqual([...pairs.target(2), 2]);
  });

  test("of teacher targets is scored by the teacher, whose greedy choice each label is", async () => {
    const feeds = await feedsAt({ teacher: 1, student: 0 }, 2);
    const { vocabularySize: vocab } = studentConfig;
    feeds["kl.labels"]!.forEach((label, position) => {
      if (feeds["kl.mask"]![position] !== 1) return;
      const logits = feeds["teacher"]!.slice(position * vocab, (position + 1) * vocab);
      const isLastSlot = position % bucket.target === bucket.target - 1;
      if (!isLastSlot) expect(logits.indexOf(Math.max(...logits))).toBe(label);
    });
  });
});
