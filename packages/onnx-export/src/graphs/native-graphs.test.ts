import { withCode } from "@slm/core/testing";
import { GRAPH_IO } from "@slm/exported-model";
import { assertInPlaceSafe, type AttributeValue, type Graph } from "@slm/onnx";
import { parameterSpecs } from "@slm/model";
import { elementCount } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { selectDevice } from "../settings/profiles.js";
import { decoderOnly, encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { decoderGraph, encoderGraph } from "./native-graphs.js";
import { graphSource } from "./record.js";

const cpu = selectDevice({ target: "cpu" });
const checkpoint = randomCheckpoint(encoderDecoder);
const source = graphSource(checkpoint, cpu);
const encoder = encoderGraph(source);
const decoder = decoderGraph(source);
const smallGraph = (change: Partial<typeof decoderOnly> = {}): Graph =>
  decoderGraph(graphSource(randomCheckpoint({ ...decoderOnly, ...change }), cpu));
const small = smallGraph();
/** The cache is longer than the limit below which it is joined with new positions at every step. */
const longer = decoderGraph(graphSource(randomCheckpoint({ ...encoderDecoder, maxTarget: 129 }), cpu));
const replacing = decoderGraph(graphSource(checkpoint, selectDevice({ target: "web" })));

const signature = (values: Graph["outputs"]): string[] =>
  values.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape?.join(",") ?? "?"}]`);
const operators = (graph: Graph, opType: string): Graph["nodes"] =>
  graph.nodes.filter((node) => node.opType === opType);

const operatorsOf = (branch: AttributeValue | undefined): string[] =>
  branch?.kind === "graph" ? branch.value.nodes.map(({ opType }) => opType) : [];

describe(encoderGraph, () => {
  test("has the inputs and outputs that runtimes expect", () => {
    expect(signature(encoder.inputs)).toEqual([
      "source_ids int32[batch,source]",
      "source_lengths int32[batch]",
    ]);
    expect(signature(encoder.outputs)).toEqual([
      "source_bias float32[batch,1,1,source]",
      "cross.0.key float32[batch,2,16,source]",
      "cross.0.value float32[batch,2,source,16]",
      "cross.1.key float32[batch,2,16,source]",
      "cross.1.value float32[batch,2,source,16]",
    ]);
  });

  test("does not depend on the sizes that tensors carried while it was recorded", () => {
    expect(encoderGraph(source, { batch: 5, source: 7, target: 3 })).toEqual(encoder);
  });
});

describe(decoderGraph, () => {
  test("has the inputs and outputs that runtimes expect", () => {
    const cache = "float32[batch,2,capacity,16]";
    const caches = (kind: string): string[] =>
      [0, 1].flatMap((layer) => [`${kind}.${layer}.key ${cache}`, `${kind}.${layer}.value ${cache}`]);
    const first = ["target_ids int32[batch,target]", "past_length int32[1]", ...caches("past")];
    const fresh = ["key", "value"].map((part) => `.${part} float32[batch,target,32]`);
    const appended = [0, 1].flatMap((layer) => fresh.map((part) => `present.${layer}${part}`));
    expect(signature(decoder.inputs)).toEqual([...first, ...signature(encoder.outputs)]);
    expect(signature(small.inputs)).toEqual(first);
    expect(signature(decoder.outputs)).toEqual(["logits float32[batch,11]", ...appended]);
    expect(signature(small.outputs)).toEqual(signature(decoder.outputs));
    expect(signature(replacing.outputs)).toEqual(["logits float32[batch,11]", ...caches("present")]);
  });

  test("does not depend on the sizes that tensors carried while it was recorded", () => {
    expect(decoderGraph(source, { batch: 5, source: 7, target: 3 })).toEqual(decoder);
  });

  test("lets every cache be updated in place where it is replaced", () => {
    const pairs = [0, 1].flatMap((layer) => [
      { input: GRAPH_IO.pastKey(layer), output: GRAPH_IO.presentKey(layer) },
      { input: GRAPH_IO.pastValue(layer), output: GRAPH_IO.presentValue(layer) },
    ]);
    expect(() => {
      assertInPlaceSafe(replacing, pairs);
    }).not.toThrow();
  });

  test("joins short caches with what is new in one operator, and no longer ones", () => {
    const readersOf = ({ nodes }: Graph): string[] =>
      nodes.filter(({ inputs }) => inputs.includes("past.0.key")).map(({ opType }) => opType);
    expect(readersOf(decoder)).toEqual(["GroupQueryAttention"]);
    expect(readersOf(longer)).toEqual(["Shape", "Unsqueeze"]);
    for (const operator of ["GroupQueryAttention", "If"]) expect(operators(longer, operator)).toEqual([]);
  });

  test("computes the mask of the cache once for all layers", () => {
    for (const operator of ["Range", "Less", "LessOrEqual"])
      expect(operators(longer, operator)).toHaveLength(operator === "Range" ? 2 : 1);
    expect(operators(longer, "Softmax")).toHaveLength(2 * encoderDecoder.decoderLayers);
  });

  test("scales nothing inside products of attention, which would copy keys first", () => {
    const products = longer.nodes.filter(({ name }) => /[aA]ttention\/(Fused)?MatMul/.test(name));
    expect(products).toHaveLength(6 * encoderDecoder.decoderLayers);
    for (const { attributes } of products) expect(Object.keys(attributes)).not.toContain("alpha");
  });

  test("joins longer caches only in runs over several tokens, which models without an encoder read their source by", () => {
    const choosing = smallGraph({ maxSource: 129 });
    const choices = operators(choosing, "If").map(({ attributes }) => attributes);
    expect(choices).toHaveLength(decoderOnly.decoderLayers);
    for (const { then_branch: step, else_branch: run } of choices) {
      expect(operatorsOf(step)).not.toContain("GroupQueryAttention");
      expect(operatorsOf(run)).toContain("GroupQueryAttention");
    }
    expect(operators(choosing, "GroupQueryAttention")).toEqual([]);
    expect(operators(small, "If")).toEqual([]);
  });

  test("names the nodes that quantization looks for", () => {
    const names = decoder.nodes.map(({ name }) => name);
    expect(names).toContain("/decoder/embedding/Gather");
    expect(names).toContain("/decoder/head/FusedMatMul");
    expect(names).toContain("/decoder/layers.0/crossAttention/query/MatMul");
  });

  test("rotates before attention if the fused rotation does not support the head size", () => {
    const rotations = (headDim: number): number => {
      const config = { ...decoderOnly, headDim };
      const device = selectDevice({ target: "gpu", profile: "cuda", precision: "float16" });
      return operators(decoderGraph(graphSource(randomCheckpoint(config), device)), "RotaryEmbedding").length;
    };
    expect([rotations(24), rotations(16)]).toEqual([4, 0]);
  });

  test("rejects a head size that fused attention does not support", () => {
    expect(() => smallGraph({ headDim: 12 })).toThrow(withCode("OP_UNSUPPORTED"));
  });
});

test("the graphs contain every weight of the model once, and nothing else of that size", () => {
  const specs = parameterSpecs(encoderDecoder);
  const stored = [...encoder.initializers.values(), ...decoder.initializers.values()];
  const bytesOf = (names: ReadonlySet<string>): number =>
    specs.reduce((sum, { name, shape }) => sum + (names.has(name) ? 4 * elementCount(shape) : 0), 0);
  const held = stored.map((initializer) => ({ ...initializer, names: partsOf(initializer.name) }));
  for (const { name } of specs) {
    const places = held.filter(({ names }) => names.has(name));
    // Both graphs read only the embedding.
    expect(places, name).toHaveLength(name === "embedding.weight" ? 2 : 1);
    for (const { data, names } of places) expect(data.byteLength, name).toBe(bytesOf(names));
  }
  const weights = new Set(specs.map(({ name }) => name));
  const others = held.filter(
    ({ name, names }) => ![...names].some((part) => weights.has(part)) && !name.startsWith("rotary."),
  );
  expect(Math.max(...others.map(({ data }) => data.byteLength))).toBeLessThanOrEqual(64);
});

/** Splits the name of a fused initializer: "a.key+value.weight" contains "a.key.weight" and "a.value.weight". */
function partsOf(name: string): ReadonlySet<string> {
  const choices = name.split(".").map((segment) => segment.split("+"));
  const names = choices.reduce<string[]>(
    (starts, segments) => starts.flatMap((start) => segments.map((segment) => `${start}.${segment}`)),
    [""],
  );
  return new Set(names.map((joined) => joined.slice(1)));
}
