import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, encoderDecoderConfig, initializeWeights, type ModelConfig } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, withDropout, type TensorSpec } from "@slm/tensor";
import { pairsOf } from "@slm/training";
import { describe, expect, test } from "vitest";
import { loadTeacher } from "../models/teacher-scorer.js";
import { teacherObjective } from "./teacher-objective.js";

const shared = { ...TINY_SHAPE, decoderLayers: 2 };
const CONFIGS: readonly ModelConfig[] = [
  decoderOnlyConfig.parse(shared),
  encoderDecoderConfig.parse({ ...shared, encoderLayers: 1 }),
];
const sources = [[5, 6, 7], [4]];
const targets = [[8, 4], [7]];
const bucket = { source: 3, target: 4 };

describe.each(CONFIGS)("the objective of a teacher that is $architecture", (config) => {
  const weights = initializeWeights(config, createRandom(4).next);
  const objective = teacherObjective(config, pairsOf(sources, targets), { batchSize: 2, labelSmoothing: 0 });
  const definition = objective.definition(bucket, "");

  /** The loss of the batch, with all masks filled with a value, or without masks. */
  async function lossWith(maskValue?: number): Promise<number> {
    const engine = await createEagerEngine("js");
    const batch = { rows: Int32Array.of(0, 1), bucket: 0 };
    const live = { engine, config, feeds: {} };
    const { feeds, tokens, lossTokens } = await objective.feeds(batch, bucket, 1, live);
    expect([tokens, lossTokens]).toEqual([4 + 5, 5]);
    const shapes = maskValue === undefined ? [] : definition.dropoutShapes;
    const masks = shapes.map((shape): HostTensor => {
      const size = shape.reduce((product, axis) => product * axis, 1);
      return createHostTensor("float32", shape, new Float32Array(size).fill(maskValue!));
    });
    const fed: Record<string, HostTensor> = { ...Object.fromEntries(weights), ...(feeds as typeof fed) };
    masks.forEach((mask, index) => (fed[`mask.${index}`] = mask));
    const program = await engine.compile({
      name: "loss",
      inputs: Object.fromEntries(
        Object.entries(fed).map(([name, { dtype, shape }]) => [name, { dtype, shape } as TensorSpec]),
      ),
      build: (x) => {
        const build = (): ReturnType<typeof definition.build> => definition.build(x, x);
        const taken = masks.map((_, index) => x[`mask.${index}`]!);
        return { loss: (taken.length === 0 ? build() : withDropout(taken, build)).loss };
      },
    });
    return Number((await program.run({ feeds: fed, fetch: ["loss"] })).fetched["loss"]!.data[0]);
  }

  test("is the mean over its own scores of every target token and EOS token", async () => {
    const engine = await createEagerEngine("js");
    const teacher = await loadTeacher(engine, { config, weights });
    const pairs = targets.map((target, row) => ({ source: sources[row]!, target }));
    const { data } = await engine.download(await teacher.score(pairs, { batch: 2, ...bucket }));
    let sum = 0;
    for (const [row, target] of targets.entries())
      for (const [i, label] of [...target, config.tokens.eos].entries()) {
        const at = (row * bucket.target + i) * config.vocabularySize;
        const logits = Array.from({ length: config.vocabularySize }, (_, v) => Number(data[at + v]));
        sum += Math.log(logits.reduce((total, value) => total + Math.exp(value), 0)) - logits[label]!;
      }
    expect(await lossWith()).toBeCloseTo(sum / 5, 5);
    await teacher.close();
  });

  test("has a dropout mask for every block, so that the recipe's dropout is applied", async () => {
    const plain = await lossWith();
    expect(await lossWith(1)).toBeCloseTo(plain, 6);
    // All blocks are dropped: the states are zero, and all tokens are equally likely.
    expect(await lossWith(0)).toBeCloseTo(Math.log(config.vocabularySize), 5);
  });
});
