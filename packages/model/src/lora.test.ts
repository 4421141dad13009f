import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import {
  createEagerEngine,
  lengthBias,
  math,
  traceProgram,
  valueAndGradients,
  type ProgramDefinition,
  type Tensor,
} from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { parseModelConfig, type EncoderDecoderConfig } from "./config/config.js";
import { decode, outputHead } from "./decoder.js";
import { crossCaches, encode } from "./encoder.js";
import { loraSpecs, mergeLora, withLora, withMergedLora } from "./lora.js";
import { initializeWeights, type Weights } from "./parameters/weights.js";
import { TINY_SHAPE } from "./testing/index.js";

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
const targets = ["attention.query", "crossAttention.value", "feedForward.up"];
const specs = loraSpecs(config, { rank: scale.rank, targets });

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

const weights = initializeWeights(config, random(1));

/** Adapters with random values, or with B at its start value, zero. */
function adapters(fresh: boolean): Weights {
  const next = random(2);
  return new Map(
    specs.map(({ name, shape }) => {
      const zero = fresh && name.endsWith(".loraB");
      const values = Float32Array.from({ length: elementCount(shape) }, () => (zero ? 0 : next() - 0.5));
      return [name, createHostTensor("float32", shape, values)];
    }),
  );
}

type Inputs = Readonly<Record<string, Tensor>>;

const int32 = (shape: readonly number[], values: readonly number[]): HostTensor =>
  createHostTensor("int32", shape, Int32Array.from(values));

function logitsOf(parameters: Inputs, x: Inputs): Tensor {
  const [ids, lengths] = [x["source"]!, x["lengths"]!];
  const cross = crossCaches(config, parameters, encode(config, parameters, ids, { lengths }).states);
  const source = { cross, bias: lengthBias({ lengths, ids }, {}) };
  return outputHead(config, parameters, decode(config, parameters, x["target"]!, { source }));
}

function programOf(
  tensors: Weights,
  build: ProgramDefinition["build"],
): { definition: ProgramDefinition; feeds: Record<string, HostTensor> } {
  const feeds = {
    ...Object.fromEntries(tensors),
    source: int32([2, 3], [4, 5, 6, 7, 8, 0]),
    lengths: int32([2], [3, 2]),
    target: int32([2, 2], [1, 5, 1, 9]),
  };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype as "float32" | "int32", shape },
    ]),
  );
  return { definition: { name: "lora", inputs, build }, feeds };
}

async function run(
  tensors: Weights,
  build: ProgramDefinition["build"],
  fetch: readonly string[] = ["out"],
): Promise<Readonly<Record<string, HostTensor>>> {
  const { definition, feeds } = programOf(tensors, build);
  const program = await (await createEagerEngine("js")).compile(definition);
  return (await program.run({ feeds, fetch })).fetched;
}

const plain = (x: Inputs): Record<string, Tensor> => ({ out: logitsOf(x, x) });
const adapted = (x: Inputs): Record<string, Tensor> => ({ out: logitsOf(withLora(x, x, scale), x) });

const numbersOf = (tensor: HostTensor): number[] => Array.from(tensor.data, Number);

describe(loraSpecs, () => {
  test("lists A and B of every linear layer that matches a target, in the model's order", () => {
    const names = loraSpecs(config, {
      rank: 2,
      targets: ["attention.query", "decoder.layers.1.feedForward.up"],
    });
    expect(names.map(({ name, shape }) => `${name} ${shape.join("x")}`)).toEqual([
      ...["encoder.layers.0", "encoder.layers.1", "decoder.layers.0", "decoder.layers.1"].flatMap((layer) => [
        `${layer}.attention.query.loraA 2x8`,
        `${layer}.attention.query.loraB 8x2`,
        ...(layer === "decoder.layers.1"
          ? [`${layer}.feedForward.up.loraA 2x8`, `${layer}.feedForward.up.loraB 12x2`]
          : []),
      ]),
    ]);
  });

  test("starts A normally distributed and B at zero", () => {
    for (const { name, initialization } of specs) {
      expect(initialization.kind).toBe(name.endsWith(".loraA") ? "normal" : "zeros");
    }
  });

  test("rejects an unknown target by name, with the possible ones, and no targets at all", () => {
    const call = (unknown: readonly string[]) => () => loraSpecs(config, { rank: 2, targets: unknown });
    expect(call(["attention.query", "attention.qery"])).toThrow("unknown target 'attention.qery'");
    expect(call(["ttention.query"])).toThrow(
      "possible in this model: attention.query, attention.key, attention.value, attention.output, " +
        "feedForward.up, feedForward.down, crossAttention.query, crossAttention.key",
    );
    expect(call(["embedding"])).toThrow("unknown target 'embedding'");
    expect(call(["attentionNorm"])).toThrow("unknown target");
    expect(call([])).toThrow("no targets");
  });

  test.each([0, -1, 1.5, NaN])("rejects rank %d", (rank) => {
    expect(() => loraSpecs(config, { rank, targets })).toThrow("rank should be a positive integer");
  });
});

describe("an adapted model", () => {
  test("with B at zero is the model itself", async () => {
    const { out } = await run(new Map([...weights, ...adapters(true)]), adapted);
    expect(numbersOf(out!)).toEqual(numbersOf((await run(weights, plain))["out"]!));
  });

  test("has the same outputs as the merged weights, and other outputs than the model itself", async () => {
    const lora = adapters(false);
    const byGraph = numbersOf((await run(new Map([...weights, ...lora]), adapted))["out"]!);
    const byHost = numbersOf((await run(mergeLora(config, weights, lora, scale), plain))["out"]!);
    const untouched = numbersOf((await run(weights, plain))["out"]!);
    byGraph.forEach((value, index) => {
      expect(value).toBeCloseTo(byHost[index]!, 5);
    });
    expect(Math.max(...byGraph.map((value, index) => Math.abs(value - untouched[index]!)))).toBeGreaterThan(
      0.05,
    );
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
    const { definition } = programOf(new Map([...weights, ...adapters(false)]), build);
    expect(traceProgram(definition).outputs.map(({ name }) => name)).toEqual(fetch);
  });
});

describe(mergeLora, () => {
  test("adds alpha / rank · B · A to the adapted weight and leaves others alone", () => {
    const target = "encoder.layers.0.attention.query";
    const one = loraSpecs(config, { rank: 1, targets: [target] });
    const fill = (name: string, values: readonly number[]): [string, HostTensor] => {
      const { shape } = one.find((spec) => spec.name === `${target}.${name}`)!;
      return [`${target}.${name}`, createHostTensor("float32", shape, Float32Array.from(values))];
    };
    const lora = new Map([
      fill("loraA", [1, 2, 3, 4, 5, 6, 7, 8]),
      fill("loraB", [0, 0, 0.5, 0, 0, 0, 0, 0]),
    ]);
    const merged = mergeLora(config, weights, lora, { rank: 1, alpha: 2 });
    const [before, after] = [weights, merged].map((tensors) => numbersOf(tensors.get(`${target}.weight`)!));
    after!.forEach((value, index) => {
      const added = Math.floor(index / 8) === 2 ? (index % 8) + 1 : 0;
      expect(value).toBeCloseTo(before![index]! + added, 6);
    });
    for (const [name, tensor] of weights)
      if (name !== `${target}.weight`) expect(merged.get(name)).toBe(tensor);
    expect([...merged.keys()]).toEqual([...weights.keys()]);
  });

  const name = "encoder.layers.0.attention.query";

  test.each([
    [
      "without its other half",
      (lora: Map<string, HostTensor>) => lora.delete(`${name}.loraB`),
      `'${name}.loraB'`,
    ],
    [
      "of another rank",
      (lora: Map<string, HostTensor>) =>
        lora.set(`${name}.loraA`, int32([3, 8], new Array<number>(24).fill(0))),
      `'${name}.loraA' should be [2, 8], got [3, 8]`,
    ],
    [
      "of no weight",
      (lora: Map<string, HostTensor>) => lora.set("encoder.norm.loraA", int32([1], [0])),
      "'encoder.norm.loraA' does not match any linear weight",
    ],
  ])("rejects an adapter %s, by name", (_label, change, message) => {
    const lora = new Map(adapters(false));
    change(lora);
    expect(() => mergeLora(config, weights, lora, scale)).toThrow(message);
  });
});

test("withLora rejects an adapter that does not fit, by name", async () => {
  const all = new Map([...weights, ...adapters(false)]);
  const other = (x: Inputs): Record<string, Tensor> => ({
    out: logitsOf(withLora(x, x, { rank: 3, alpha: 1 }), x),
  });
  await expect(run(all, other)).rejects.toThrow("should be [3, 8], got [2, 8]");
});
