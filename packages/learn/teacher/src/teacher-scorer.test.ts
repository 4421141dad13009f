import { createRandom } from "@slm/decoding";
import { decode, decoderOnlyConfig, initializeWeights, outputHead, parameterCount } from "@slm/model";
import { createHostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { expect, test } from "vitest";
import { loadTeacher } from "./teacher-scorer.js";

const config = decoderOnlyConfig.parse({
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 2,
  maxSource: 8,
  maxTarget: 8,
  vocabularySize: 9,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
});
const weights = initializeWeights(config, createRandom(4).next);
const { vocabularySize: vocab } = config;

/** Logits of one whole sequence, computed by the model itself. */
async function logitsOf(sequence: readonly number[]): Promise<Float32Array> {
  const engine = await createEagerEngine("js");
  const feeds = {
    ...Object.fromEntries(weights),
    ids: createHostTensor("int32", [1, sequence.length], Int32Array.from(sequence)),
  };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype as "float32" | "int32", shape },
    ]),
  );
  const program = await engine.compile({
    name: "decode",
    inputs,
    build: (x) => ({ logits: outputHead(config, x, decode(config, x, x["ids"]!)) }),
  });
  return (await program.run({ feeds, fetch: ["logits"] })).fetched["logits"]!.data as Float32Array;
}

const pairs = [
  { source: [5, 6, 7], target: [8, 4] },
  { source: [4], target: [7, 7, 5] },
];

test("scores equal the model's logits at the target's positions, whatever the padding", async () => {
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
      const expected = await logitsOf([...source, config.tokens.bos, ...target]);
      for (let i = 0; i <= target.length; i++) {
        for (let v = 0; v < vocab; v++) {
          const actual = Number(data[(row * shape.target + i) * vocab + v]);
          expect(actual).toBeCloseTo(expected[(source.length + i) * vocab + v]!, 5);
        }
      }
    }
  }
  await teacher.close();
});

test("greedy targets are the argmax of the model's own logits, at most one less than the target's width", async () => {
  const teacher = await loadTeacher(await createEagerEngine("js"), { config, weights });
  const sources = pairs.map(({ source }) => Int32Array.from(source));
  const shape = { batch: 3, source: 3, target: 5 };
  const generated = await teacher.generate(sources, shape, { kind: "greedy" }, () => 0);
  expect(generated.length).toBe(2);
  for (const [row, tokens] of generated.entries()) {
    expect(tokens.length).toBeLessThanOrEqual(shape.target - 1);
    const logits = await logitsOf([...sources[row]!, config.tokens.bos, ...tokens]);
    tokens.forEach((token, i) => {
      const begin = (sources[row]!.length + i) * vocab;
      const scores = logits.subarray(begin, begin + vocab);
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

test("beams find a target no less likely than the greedy one, and give one result per source", async () => {
  const teacher = await loadTeacher(await createEagerEngine("js"), { config, weights });
  const sources = pairs.map(({ source }) => Int32Array.from(source));
  const request = [sources, { batch: 3, source: 3, target: 5 }] as const;
  const greedy = await teacher.decode(...request, { kind: "greedy" }, () => 0);
  const beams = await teacher.decode(...request, { kind: "beam", beams: 9, lengthPenalty: 0 }, () => 0);
  expect(beams).toHaveLength(2);
  beams.forEach(({ logProbability, finished }, row) => {
    if (finished && greedy[row]!.finished)
      expect(logProbability).toBeGreaterThanOrEqual(greedy[row]!.logProbability - 1e-4);
  });
  expect(await teacher.generate(...request, { kind: "greedy" }, () => 0)).toEqual(
    greedy.map(({ tokens }) => tokens),
  );
});

test("hidden states of a source are those the output head reads, whatever follows and however it is padded", async () => {
  const engine = await createEagerEngine("js");
  const teacher = await loadTeacher(engine, { config, weights });
  expect(teacher.parameters).toBe(parameterCount(config));
  const sources = pairs.map(({ source }) => source);
  for (const shape of [
    { batch: 2, source: 3 },
    { batch: 4, source: 6 },
  ]) {
    const states = await teacher.hiddenStates!(sources, shape);
    expect(states.shape).toEqual([shape.batch * shape.source, config.width]);
    const { data } = await engine.download(states);
    const table = weights.get("embedding.weight")!.data as Float32Array;
    for (const [row, source] of sources.entries()) {
      const logits = await logitsOf([...source, config.tokens.bos, 7]);
      source.forEach((_, i) => {
        for (let v = 0; v < vocab; v++) {
          let dot = 0;
          for (let c = 0; c < config.width; c++)
            dot += Number(data[(row * shape.source + i) * config.width + c]) * table[v * config.width + c]!;
          expect(dot).toBeCloseTo(logits[i * vocab + v]!, 4);
        }
      });
    }
  }
  await teacher.close();
});
