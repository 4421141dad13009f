import { GRAPH_IO } from "@slm/artifact";
import { assertInPlaceSafe, checkGraph, type Graph } from "@slm/graph";
import { parameterSpecs } from "@slm/model";
import { describe, expect, test } from "vitest";
import { selectDevice } from "../profiles.js";
import { decoderOnly, encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { cacheCapacity, decoderGraph, encoderGraph } from "./native-graphs.js";
import { graphSource } from "./record.js";

const cpu = selectDevice({ target: "cpu" });
const checkpoint = randomCheckpoint(encoderDecoder);
const source = graphSource(checkpoint, cpu);
const encoder = encoderGraph(source);
const decoder = decoderGraph(source);
const smallGraph = (change: Partial<typeof decoderOnly> = {}): Graph =>
  decoderGraph(graphSource(randomCheckpoint({ ...decoderOnly, ...change }), cpu));
const small = smallGraph();
const replacing = decoderGraph(graphSource(checkpoint, selectDevice({ target: "web" })));

const signature = (values: Graph["outputs"]): string[] =>
  values.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape?.join(",") ?? "?"}]`);
const operators = (graph: Graph, opType: string): Graph["nodes"] =>
  graph.nodes.filter((node) => node.opType === opType);

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

  test("names nodes by their place in the model", () => {
    const names = new Set(encoder.nodes.map(({ name }) => name));
    for (const name of [
      "/encoder/embedding/Gather",
      "/encoder/layers.1/attention/query/MatMul",
      "/encoder/layers.1/attention/GroupQueryAttention",
      "/encoder/layers.0/feedForward/up/Add",
      "/cross.1/key/MatMul",
    ]) {
      expect(names).toContain(name);
    }
    expect(names.size).toBe(encoder.nodes.length);
  });

  test("attends in both directions", () => {
    expect(operators(encoder, "GroupQueryAttention").map(({ attributes }) => attributes["causal"])).toEqual([
      { kind: "int", value: 0 },
      { kind: "int", value: 0 },
    ]);
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

  test("names the nodes that quantization looks for", () => {
    const names = decoder.nodes.map(({ name }) => name);
    expect(names).toContain("/decoder/embedding/Gather");
    expect(names).toContain("/decoder/head/FusedMatMul");
    expect(names).toContain("/decoder/layers.0/crossAttention/query/MatMul");
  });

  test("stores the table of embedding and head once, as in the checkpoint", () => {
    const readers = decoder.nodes.filter(({ inputs }) => inputs.includes("embedding.weight"));
    expect(readers.map(({ opType }) => opType)).toEqual(["Gather", "FusedMatMul"]);
    expect(decoder.initializers.get("embedding.weight")?.shape).toEqual([11, 24]);
  });

  test("holds positions of the source too when it has no encoder", () => {
    expect(cacheCapacity(decoderOnly)).toBe(22);
    expect(small.initializers.get("rotary.cos")?.shape).toEqual([22, 8]);
    expect(decoder.initializers.get("rotary.cos")?.shape).toEqual([10, 8]);
  });

  test("rotates before attention where the fused rotation does not know the head size", () => {
    const rotations = (headDim: number): number => {
      const config = { ...decoderOnly, headDim };
      const device = selectDevice({ target: "gpu", profile: "cuda", precision: "float16" });
      return operators(decoderGraph(graphSource(randomCheckpoint(config), device)), "RotaryEmbedding").length;
    };
    expect([rotations(24), rotations(16)]).toEqual([4, 0]);
  });

  test("refuses a head size that fused attention does not compute", () => {
    expect(() => smallGraph({ headDim: 12 })).toThrow(expect.objectContaining({ code: "OP_UNSUPPORTED" }));
  });
});

test("the graphs hold every weight of the model, once each, and nothing else of that size", () => {
  const specs = parameterSpecs(encoderDecoder);
  const stored = [...encoder.initializers.values(), ...decoder.initializers.values()];
  const bytesOf = (name: string): number[] =>
    stored.filter((initializer) => initializer.name === name).map(({ data }) => data.byteLength);
  for (const { name, shape } of specs) {
    const bytes = 4 * shape.reduce((product, size) => product * size, 1);
    // Only the embedding is read by both graphs.
    expect(bytesOf(name), name).toEqual(name === "embedding.weight" ? [bytes, bytes] : [bytes]);
  }
  const names = new Set(specs.map(({ name }) => name));
  const others = stored.filter(({ name }) => !names.has(name) && !name.startsWith("rotary."));
  expect(Math.max(...others.map(({ data }) => data.byteLength))).toBeLessThanOrEqual(64);
});

test("both graphs keep their metadata and are valid", () => {
  const graph = encoderGraph(graphSource(checkpoint, cpu, { metadata: { model: "tiny" } }));
  checkGraph(graph);
  expect(graph.metadata).toEqual({ model: "tiny" });
});
