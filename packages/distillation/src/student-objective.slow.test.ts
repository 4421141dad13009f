import type { ModelConfig, Weights } from "@slm/model";
import type { HostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { loadTeacher } from "@slm/teacher";
import type { BatchFeeds } from "@slm/training";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { distillConfig, type DistillConfig } from "./config/distill-config.js";
import { OnPolicyTargets } from "./targets/on-policy-targets.js";
import { studentObjective, type StudentObjectiveOptions } from "./student-objective.js";
import { type DistillationTeacher, distillationTeacher } from "./teacher/distillation-teacher.js";
import {
  decoderOnlyStudent,
  decoderOnlyWeights,
  liveModel,
  studentConfig,
  studentWeights,
  teacherConfig,
  teacherWeights,
  tinyCorpus,
} from "./test-support/tiny.test-support.js";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "objective-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** Values from the tokenizer, and options that recipes do not have for decoder-only students. */
const NOT_IN_RECIPES = new Set(["vocabularySize", "tokens", "ropeTheta", "normEpsilon", "headOrder"]);

/** A configuration as in a recipe. */
const shapeOf = (config: ModelConfig): object => {
  const own = Object.fromEntries(Object.entries(config).filter(([key]) => !NOT_IN_RECIPES.has(key)));
  return config.architecture === "encoder-decoder" ? { shape: "imported", config: own } : own;
};

const settingsOf = (config: ModelConfig, section: object): DistillConfig =>
  distillConfig.parse({
    student: shapeOf(config),
    steps: 10,
    batchSize: 3,
    metrics: ["exactMatch"],
    ...section,
  });

const bucket = { source: 5, target: 6 };
const rows = Int32Array.of(2, 0, 1);
const corpus = tinyCorpus(5);

interface Made {
  readonly made: BatchFeeds;
  readonly values: Readonly<Record<string, number[]>>;
  /** Input names of the loss program. */
  readonly wanted: readonly string[];
}

/** Feeds of a batch from a new objective, with device tensors downloaded. */
async function feedsAt(
  section: object,
  number: number,
  changes: {
    readonly seed?: number;
    readonly student?: { readonly config: ModelConfig; readonly weights: Weights };
    readonly withoutTeacher?: boolean;
  } = {},
): Promise<Made> {
  const { config, weights } = changes.student ?? { config: studentConfig, weights: studentWeights };
  const engine = await createEagerEngine("js");
  const teacher = await loadTeacher(engine, { config: teacherConfig, weights: teacherWeights });
  const side: DistillationTeacher = {
    ...distillationTeacher({ teacher }),
    gold: () =>
      Promise.resolve({
        feeds: { teacher: { dtype: "float32", shape: [1], data: Float32Array.of(42) } },
        owned: [],
      }),
  };
  const settings = settingsOf(config, section);
  const onPolicy = new OnPolicyTargets(settings);
  const options: StudentObjectiveOptions = {
    config,
    settings,
    sources: {
      corpus,
      teacher: changes.withoutTeacher === true ? undefined : side,
      stored: {},
      onPolicy,
    },
    seed: changes.seed ?? 7,
  };
  const objective = studentObjective(options);
  const live = await liveModel(engine, config, weights);
  const made = await objective.feeds({ bucket: 0, rows }, bucket, number, live);
  const values: Record<string, number[]> = {};
  for (const [name, value] of Object.entries(made.feeds)) {
    const host: HostTensor = "id" in value ? await engine.download(value) : value;
    values[name] = Array.from(host.data, Number);
  }
  const wanted = Object.keys(objective.definition(bucket, made.variant!).inputs);
  await onPolicy.close();
  return { made, values, wanted };
}

/** Feeds that a program uses. */
const used = ({ values, wanted }: Made): Record<string, number[] | undefined> =>
  Object.fromEntries(wanted.map((name) => [name, values[name]]));

describe.each([
  { config: studentConfig, weights: studentWeights },
  { config: decoderOnlyStudent, weights: decoderOnlyWeights },
])("a batch for a $config.architecture student", (student) => {
  test("with gold targets reads the stored distributions, and counts its labels", async () => {
    const { made, values, wanted } = await feedsAt({}, 1, { student });
    expect(made.variant).toBe("shared");
    expect(values["teacher"]).toEqual([42]);
    for (const name of wanted) expect(values[name], name).toBeDefined();
    const targets = Array.from(rows, (row) => corpus.pairs.lengths.target[row]!);
    expect(made.lossTokens).toBe(targets.reduce((sum, length) => sum + length, 0));
  });

  test("with labels alone needs no teacher", async () => {
    const section = { loss: { forwardKl: 0, crossEntropy: 1 } };
    const { values, wanted } = await feedsAt(section, 1, { student, withoutTeacher: true });
    expect(values["teacher"]).toBeUndefined();
    for (const name of wanted) expect(values[name], name).toBeDefined();
  });

  test("with student targets is a pure function of seed and number, and also has gold labels", async () => {
    const onPolicy = { targets: { onPolicyFraction: 1 } };
    const first = await feedsAt(onPolicy, 3, { student });
    expect(first.made.variant).toBe("separate");
    expect(used(await feedsAt(onPolicy, 3, { student }))).toEqual(used(first));
    const sampled = ({ values }: Made): number[] | undefined =>
      values["distill.target"] ?? values["distill.inputs"];
    expect(sampled(await feedsAt(onPolicy, 4, { student }))).not.toEqual(sampled(first));
    expect(sampled(await feedsAt(onPolicy, 3, { student, seed: 8 }))).not.toEqual(sampled(first));
    const { targets } = await corpus.read([2]);
    expect(first.values["gold.labels"]!.slice(0, targets[0]!.length + 1)).toEqual([...targets[0]!, 2]);
  });

  test("with student targets and no weight on labels is one pass", async () => {
    const section = {
      targets: { onPolicyFraction: 1 },
      loss: { reverseKl: 1, forwardKl: 0, crossEntropy: 0 },
    };
    const { made, wanted, values } = await feedsAt(section, 3, { student });
    expect(made.variant).toBe("shared");
    expect(wanted.some((name) => name.startsWith("gold."))).toBe(false);
    for (const name of wanted) expect(values[name], name).toBeDefined();
  });
});
