import { createRandom } from "@slm/generation";
import {
  decode,
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  outputHead,
  readSource,
  type ModelConfig,
  type Parameters,
  type Weights,
} from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { createHostTensor } from "@slm/runtime";
import { createEagerEngine, type Tensor } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { loadTeacher } from "./teacher-scorer.js";

const shared = {
  ...TINY_SHAPE,
  decoderLayers: 2,
};
const { vocabularySize: vocab, tokens } = shared;
const CONFIGS: readonly ModelConfig[] = [
  decoderOnlyConfig.parse(shared),
  encoderDecoderConfig.parse({ ...shared, encoderLayers: 1 }),
];
const weightsOf = (config: ModelConfig): Weights => initializeWeights(config, createRandom(4).next);

type Build = (parameters: Parameters, x: Readonly<Record<"source" | "target" | "lengths", Tensor>>) => Tensor;

/** The model's own computation for one unpadded pair, without a teacher's programs. */
async function computed(
  config: ModelConfig,
  { source, target }: { readonly source: readonly number[]; readonly target: readonly number[] },
  build: Build,
): Promise<Float32Array> {
  const engine = await createEagerEngine("js");
  const given = {
    source: createHostTensor("int32", [1, source.length], Int32Array.from(source)),
    target: createHostTensor("int32", [1, target.length], Int32Array.from(target)),
    lengths: createHostTensor("int32", [1], Int32Array.of(source.length)),
  };
  const feeds = { ...Object.fromEntries(weightsOf(config)), ...given };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype as "float32" | "int32", shape },
    ]),
  );
  const program = await engine.compile({
    name: "model",
    inputs,
    build: (x) => ({
      out: build(x, { source: x["source"]!, target: x["target"]!, lengths: x["lengths"]! }),
    }),
  });
  return (await program.run({ feeds, fetch: ["out"] })).fetched["out"]!.data as Float32Array;
}

/** Logits `[target length + 1, vocab]` after the BOS token and after each token of the target. */
async function logitsOf(
  config: ModelConfig,
  source: readonly number[],
  target: readonly number[],
): Promise<Float32Array> {
  const marked = [tokens.bos, ...target];
  if (config.architecture === "decoder-only") {
    const all = await computed(config, { source, target: [...source, ...marked] }, (parameters, x) =>
      outputHead(config, parameters, decode(config, parameters, x.target)),
    );
    return all.subarray(source.length * vocab);
  }
  return computed(config, { source, target: marked }, (parameters, x) => {
    const { context } = readSource(config, parameters, { ids: x.source, lengths: x.lengths });
    return outputHead(config, parameters, decode(config, parameters, x.target, { source: context }));
  });
}

const pairs = [
  { source: [5, 6, 7], target: [8, 4] },
  { source: [4], target: [7, 7, 5] },
];

describe.each(CONFIGS)("a teacher that is $architecture", (config) => {
  const weights = weightsOf(config);

  test("scores equal the model's logits at the target's positions, for any padding", async () => {
    const engine = await createEagerEngine("js");
    const teacher = await loadTeacher(engine, { config, weights });
    for (const shape of [
      { batch: 2, source: 3, target: 4 },
      { batch: 3, source: 5, target: 6 },
    ]) {
      const scored = await teacher.score(pairs, shape);
      expect(scored.shape).toEqual([shape.batch * shape.target, vocab]);
      const { data } = await engine.download(scored);
      for (const [row, { source, target }] of pairs.entries()) {
        const expected = await logitsOf(config, source, target);
        for (let i = 0; i <= target.length; i++) {
          for (let v = 0; v < vocab; v++) {
            const actual = Number(data[(row * shape.target + i) * vocab + v]);
            expect(actual).toBeCloseTo(expected[i * vocab + v]!, 5);
          }
        }
      }
    }
    await teacher.close();
  });

  test("greedy targets are the argmax of the model's own logits, and shorter than the target's width", async () => {
    const teacher = await loadTeacher(await createEagerEngine("js"), { config, weights });
    const sources = pairs.map(({ source }) => Int32Array.from(source));
    const shape = { batch: 3, source: 3, target: 5 };
    const generated = await teacher.generate(sources, shape, { kind: "greedy" }, () => 0);
    expect(generated.length).toBe(2);
    for (const [row, tokens] of generated.entries()) {
      expect(tokens.length).toBeLessThanOrEqual(shape.target - 1);
      const logits = await logitsOf(config, pairs[row]!.source, tokens);
      tokens.forEach((token, i) => {
        const scores = logits.subarray(i * vocab, (i + 1) * vocab);
        expect(scores.indexOf(Math.max(...scores))).toBe(token);
      });
    }
    await teacher.close();
  });

  test("sampled targets depend on the random numbers only", async () => {
    const teacher = await loadTeacher(await createEagerEngine("js"), { config, weights });
    const draw = (seed: number): Promise<number[][]> =>
      teacher.generate(
        [Int32Array.of(5), Int32Array.of(6, 7)],
        { batch: 2, source: 2, target: 6 },
        { kind: "sample", temperature: 1 },
        createRandom(seed).next,
      );
    const first = await draw(1);
    expect(await draw(1)).toEqual(first);
    const others: number[][][] = [];
    for (const seed of [2, 3, 4]) others.push(await draw(seed));
    expect(others).not.toEqual([first, first, first]);
  });
});
