import type { ModelConfig, Weights } from "@slm/model";
import type { HostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { loadTeacher } from "@slm/teacher";
import type { BatchFeeds } from "@slm/training";
import { describe, expect, test } from "vitest";
import { distillConfig, type DistillConfig } from "./config/distill-config.js";
import { OnPolicyTargets } from "./targets/on-policy-targets.js";
import { studentObjective } from "./student-objective.js";
import { distillationTeacher } from "./teacher/distillation-teacher.js";
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
  { config, weights }: { readonly config: ModelConfig; readonly weights: Weights },
): Promise<Made> {
  const engine = await createEagerEngine("js");
  const teacher = await loadTeacher(engine, { config: teacherConfig, weights: teacherWeights });
  const settings = settingsOf(config, section);
  const onPolicy = new OnPolicyTargets(settings);
  const sources = { corpus, teacher: distillationTeacher({ teacher }), stored: {}, onPolicy };
  const objective = studentObjective({ config, settings, sources, seed: 7 });
  const live = await liveModel(engine, config, weights);
  const made = await objective.feeds({ bucket: 0, rows: Int32Array.of(2, 0, 1) }, bucket, 3, live);
  const values: Record<string, number[]> = {};
  for (const [name, value] of Object.entries(made.feeds)) {
    const host: HostTensor = "id" in value ? await engine.download(value) : value;
    values[name] = Array.from(host.data, Number);
  }
  const wanted = Object.keys(objective.definition(bucket, made.variant!).inputs);
  await onPolicy.close();
  return { made, values, wanted };
}

describe.each([
  { config: studentConfig, weights: studentWeights },
  { config: decoderOnlyStudent, weights: decoderOnlyWeights },
])("a batch for a $config.architecture student", (student) => {
  test("with student targets also has gold labels", async () => {
    const { made, values } = await feedsAt({ targets: { onPolicyFraction: 1 } }, student);
    expect(made.variant).toBe("separate");
    const { targets } = await corpus.read([2]);
    expect(values["gold.labels"]!.slice(0, targets[0]!.length + 1)).toEqual([...targets[0]!, 2]);
  });

  test("with student targets and no weight on labels is one pass", async () => {
    const section = {
      targets: { onPolicyFraction: 1 },
      loss: { reverseKl: 1, forwardKl: 0, crossEntropy: 0 },
    };
    const { made, wanted, values } = await feedsAt(section, student);
    expect(made.variant).toBe("shared");
    expect(wanted.some((name) => name.startsWith("gold."))).toBe(false);
    for (const name of wanted) expect(values[name], name).toBeDefined();
  });
});
