import { createRandom } from "@slm/generation";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import {
  lengthBias,
  math,
  traceProgram,
  valueAndGradients,
  type ProgramDefinition,
  type Tensor,
} from "@slm/tensor";
import { describe, expect, test } from "vitest";
import type { EncoderDecoderConfig } from "./config/config.js";
import { parseModelConfig } from "./config/parse-model-config.js";
import { decode, outputHead } from "./decoder.js";
import { crossCaches, encode } from "./encoder.js";
import { loraSpecs, withLora, withMergedLora } from "./lora.js";
import { initializeWeights, type Weights } from "./parameters/weights.js";
import { compute, int32, specsOf, TINY_SHAPE } from "./testing/index.js";
import { withCode } from "@slm/core/testing";

const config = parseModelConfig(
  {
    ...TINY_SHAPE,
    architecture: "encoder-decoder",
    encoderLayers: 2,
    decoderLayers: 2,
    vocabularySize: 11,
  },
  "test",
) as EncoderDecoderConfig;

const scale = { rank: 2, alpha: 3 };
const specs = loraSpecs(config, scale.rank);

const weights = initializeWeights(config, createRandom(1).next);

/** Adapters with random values, or with B at its start value, zero. */
function adapters(fresh: boolean): Weights {
  const { next } = createRandom(2);
  return new Map(
    specs.map(({ name, shape }) => {
      const zero = fresh && name.endsWith(".loraB");
      const values = Float32Array.from({ length: elementCount(shape) }, () => (zero ? 0 : next() - 0.5));
      return [name, createHostTensor("float32", shape, values)];
    }),
  );
}

type Inputs = Readonly<Record<string, Tensor>>;

function logitsOf(parameters: Inputs, x: Inputs): Tensor {
  const [ids, lengths] = [x["source"]!, x["lengths"]!];
  const cross = crossCaches(config, parameters, encode(config, parameters, ids, { lengths }).states);
  const source = { cross, bias: lengthBias({ lengths, ids }, {}) };
  return outputHead(config, parameters, decode(config, parameters, x["target"]!, { source }));
}

const feedsOf = (tensors: Weights): Record<string, HostTensor> => ({
  ...Object.fromEntries(tensors),
  source: int32([2, 3], [4, 5, 6, 7, 8, 0]),
  lengths: int32([2], [3, 2]),
  target: int32([2, 2], [1, 5, 1, 9]),
});

const run = (
  tensors: Weights,
  build: ProgramDefinition["build"],
  fetch: readonly string[] = ["out"],
): ReturnType<typeof compute> => compute(feedsOf(tensors), build, fetch);

const plain = (x: Inputs): Record<string, Tensor> => ({ out: logitsOf(x, x) });
const adapted = (x: Inputs): Record<string, Tensor> => ({ out: logitsOf(withLora(x, x, scale), x) });

const numbersOf = (tensor: HostTensor): number[] => Array.from(tensor.data, Number);

test("loraSpecs lists A and B of every linear layer, in the model's order", () => {
  const named = (list: readonly string[]): string[] =>
    list.flatMap((name) => [`${name}.loraA`, `${name}.loraB`]);
  const own = ["attention.query", "attention.key", "attention.value", "attention.output"];
  const [first] = [specs.filter(({ name }) => name.startsWith("encoder.layers.0."))];
  expect(first.map(({ name }) => name)).toEqual(
    named([...own, "feedForward.up", "feedForward.down"].map((part) => `encoder.layers.0.${part}`)),
  );
  expect(specs.map(({ name }) => name)).toContain("decoder.layers.1.crossAttention.output.loraB");
  expect(specs.every(({ name }) => name.includes(".layers."))).toBe(true);
  expect(specs[0]).toMatchObject({ name: "encoder.layers.0.attention.query.loraA", shape: [2, 8] });
  expect(specs[1]).toMatchObject({ name: "encoder.layers.0.attention.query.loraB", shape: [8, 2] });
});

describe("an adapted model", () => {
  test("with B at zero is the model itself", async () => {
    const { out } = await run(new Map([...weights, ...adapters(true)]), adapted);
    expect(numbersOf(out!)).toEqual(numbersOf((await run(weights, plain))["out"]!));
  });

  test("has the same outputs and gradients with separate adapters and with adapters merged in the graph", async () => {
    const names = specs.map(({ name }) => name);
    const by =
      (use: typeof withLora) =>
      (x: Inputs): Record<string, Tensor> => {
        const { value, gradients } = valueAndGradients(
          (tensors) => {
            const lora = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
            return math.sum(math.square(logitsOf(use(x, lora, scale), x)));
          },
          names.map((name) => x[name]!),
        );
        return { value, ...Object.fromEntries(names.map((name, index) => [name, gradients[index]!])) };
      };
    const all = new Map([...weights, ...adapters(false)]);
    const fetch = ["value", ...names];
    const [beside, merged] = [await run(all, by(withLora), fetch), await run(all, by(withMergedLora), fetch)];
    for (const name of fetch)
      numbersOf(beside[name]!).forEach((value, index) => {
        const expected = numbersOf(merged[name]!)[index]!;
        expect(Math.abs(value - expected), name).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
      });
  });

  test("is trained through A and B of every adapter", async () => {
    const names = specs.map(({ name }) => name);
    const build = (x: Inputs): Record<string, Tensor> => {
      const { gradients } = valueAndGradients(
        (tensors) => {
          const lora = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
          return math.sum(math.square(logitsOf(withLora(x, lora, scale), x)));
        },
        names.map((name) => x[name]!),
      );
      return Object.fromEntries(names.map((name, index) => [`gradient.${name}`, gradients[index]!]));
    };
    const fetch = names.map((name) => `gradient.${name}`);
    const moved = await run(new Map([...weights, ...adapters(false)]), build, fetch);
    for (const name of fetch)
      expect(Math.max(...numbersOf(moved[name]!).map(Math.abs)), name).toBeGreaterThan(1e-4);
    // With B at zero only B changes; the weights themselves are not variables of the program.
    const first = await run(new Map([...weights, ...adapters(true)]), build, fetch);
    for (const name of fetch) {
      expect(
        numbersOf(first[name]!).every((value) => value === 0),
        name,
      ).toBe(name.endsWith(".loraA"));
    }
    const inputs = specsOf(feedsOf(new Map([...weights, ...adapters(false)])));
    expect(traceProgram({ name: "lora", inputs, build }).outputs.map(({ name }) => name)).toEqual(fetch);
  });
});

test("withLora rejects an adapter that does not fit, by name", async () => {
  const all = new Map([...weights, ...adapters(false)]);
  const other = (x: Inputs): Record<string, Tensor> => ({
    out: logitsOf(withLora(x, x, { rank: 3, alpha: 1 }), x),
  });
  await expect(run(all, other)).rejects.toThrow(withCode("SHAPE_MISMATCH"));
});

test("withMergedLora adds alpha / rank · B · A to the adapted weight and leaves others alone", async () => {
  const target = "encoder.layers.0.attention.query";
  const adapter = new Map<string, HostTensor>([
    [`${target}.loraA`, createHostTensor("float32", [1, 8], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))],
    [`${target}.loraB`, createHostTensor("float32", [8, 1], Float32Array.of(0, 0, 0.5, 0, 0, 0, 0, 0))],
  ]);
  const merge = (x: Inputs): Record<string, Tensor> => {
    const lora = Object.fromEntries([...adapter.keys()].map((name) => [name, x[name]!]));
    const merged = withMergedLora(x, lora, { rank: 1, alpha: 2 });
    return Object.fromEntries(
      [...weights.keys()].map((name) => [`merged.${name}`, math.mul(merged[name]!, 1)]),
    );
  };
  const names = [...weights.keys()].map((name) => `merged.${name}`);
  const merged = await run(new Map([...weights, ...adapter]), merge, names);
  for (const [name, tensor] of weights) {
    const expected = numbersOf(tensor).map((value, index) =>
      name === `${target}.weight` && Math.floor(index / 8) === 2 ? value + (index % 8) + 1 : value,
    );
    numbersOf(merged[`merged.${name}`]!).forEach((value, index) => {
      expect(value, name).toBeCloseTo(expected[index]!, 6);
    });
  }
});
