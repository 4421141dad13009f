import { withCode } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { initializeWeights, parameterSpecs, parseModelConfig } from "@slm/model";
import type { HostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { expect, test } from "vitest";
import {
  decays,
  packWeights,
  planChunks,
  unpackParameters,
  unpackTensor,
  valueInput,
  valueSpecs,
} from "./parameter-layout.js";

/** Large enough for single-tensor chunks, several packed chunks, and vectors. */
const config = parseModelConfig(
  {
    architecture: "encoder-decoder",
    width: 96,
    heads: 4,
    kvHeads: 2,
    headDim: 24,
    feedForward: 300,
    encoderLayers: 4,
    decoderLayers: 3,
    maxSource: 8,
    maxTarget: 8,
    vocabularySize: 800,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  },
  "test",
);
const chunks = planChunks(config);
const weights = initializeWeights(config, createRandom(1).next);

/** Compares bytes, because comparing elements takes seconds at these sizes. */
function expectSame(actual: HostTensor, expected: HostTensor): void {
  const bytes = ({ data }: HostTensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  expect(actual.shape).toEqual(expected.shape);
  expect(bytes(actual).equals(bytes(expected))).toBe(true);
}

test("every parameter is in exactly one chunk, matrices apart from vectors", () => {
  const names = chunks.flatMap(({ specs }) => specs.map(({ name }) => name));
  expect([...names].sort()).toEqual(
    parameterSpecs(config)
      .map(({ name }) => name)
      .sort(),
  );
  expect(new Set(chunks.map(({ name }) => name)).size).toBe(chunks.length);
  for (const chunk of chunks) {
    const { specs, size } = chunk;
    expect(specs.every(({ shape }) => shape.length > 1 === decays(chunk))).toBe(true);
    expect(size).toBe(specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0));
  }
  expect(chunks.some(({ specs }) => specs.length === 1)).toBe(true);
  expect(chunks.filter((chunk) => decays(chunk) && chunk.specs.length > 1).length).toBeGreaterThan(1);
});

test("weights packed into chunks and unpacked are the same", () => {
  let count = 0;
  for (const chunk of chunks) {
    const packed = packWeights(chunk, weights);
    for (const { name } of chunk.specs) {
      expectSame(unpackTensor(chunk, packed, name), weights.get(name)!);
      count += 1;
    }
  }
  expect(count).toBe(weights.size);
  expect(() => unpackTensor(chunks[0]!, packWeights(chunks[0]!, weights), "other")).toThrow(
    withCode("UNEXPECTED"),
  );
});

test("a program sees the same parameters that were packed", async () => {
  const engine = await createEagerEngine("js");
  const program = await engine.compile({
    name: "unpack",
    inputs: valueSpecs(chunks),
    build: (x) => unpackParameters(chunks, x),
  });
  const feeds = Object.fromEntries(chunks.map((chunk) => [valueInput(chunk), packWeights(chunk, weights)]));
  const { fetched } = await program.run({ feeds, fetch: [...weights.keys()] });
  for (const [name, tensor] of weights) expectSame(fetched[name]!, tensor);
});

test("layers' matrices are apart from the embedding, equal shapes side by side", () => {
  for (const { kind, specs } of planChunks(config)) {
    if (kind !== "layers") continue;
    expect(specs.every(({ name }) => name.includes(".layers."))).toBe(true);
    const shapes = specs.map(({ shape }) => shape.join("x"));
    const runs = shapes.filter((shape, index) => shape !== shapes[index - 1]);
    expect(new Set(runs).size).toBe(runs.length);
  }
});
