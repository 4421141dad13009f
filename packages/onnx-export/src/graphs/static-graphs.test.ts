import { profilesOf } from "@slm/devices";
import type { Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { selectDevice } from "../settings/profiles.js";
import { encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { graphSource } from "./record.js";
import { staticDecoderGraph, staticEncoderGraph } from "./static-graphs.js";

const checkpoint = randomCheckpoint({ ...encoderDecoder, heads: 4, kvHeads: 2 });
const SIZES = { source: 12, window: 6 };

const graphsOf = (profile: string, precision: "float32" | "float16" = "float32"): readonly Graph[] => {
  const source = graphSource(checkpoint, selectDevice({ target: "npu", profile, precision }));
  return [staticEncoderGraph(source, SIZES), staticDecoderGraph(source, SIZES)];
};

describe.each(profilesOf("npu"))("static graphs of profile %s", (profile) => {
  const graphs = graphsOf(profile);

  test("name their nodes by their place in the model, each once", () => {
    for (const { nodes } of graphs) {
      const names = nodes.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(
        names.every(
          (name) =>
            name.startsWith("/encoder/") || name.startsWith("/decoder/") || name.startsWith("/cross."),
        ),
      ).toBe(true);
    }
  });

  test("hold the weights as the checkpoint does, and share them", () => {
    const [encoder, decoder] = graphs;
    const table = encoder!.initializers.get("embedding.weight");
    expect(table?.shape).toEqual([11, 24]);
    expect(decoder!.initializers.get("embedding.weight")?.data.buffer).toBe(table?.data.buffer);
  });
});

const signature = (values: Graph["outputs"]): string[] =>
  values.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape?.join(",") ?? "?"}]`);

test("read masks and the token's position, and return the token's keys and values", () => {
  const [encoder, decoder] = graphsOf("coreml", "float16");
  expect(signature(encoder!.inputs)).toEqual(["source_ids int32[1,12]", "source_bias float32[1,1,1,12]"]);
  expect(signature(encoder!.outputs).slice(0, 2)).toEqual([
    "cross.0.key float16[1,2,16,12]",
    "cross.0.value float16[1,2,12,16]",
  ]);
  expect(signature(decoder!.inputs)).toEqual([
    "target_ids int32[1,1]",
    "position int32[1]",
    "window_bias float32[1,1,1,6]",
    ...[0, 1].flatMap((layer) => [
      `past.${layer}.key float16[1,2,16,5]`,
      `past.${layer}.value float16[1,2,5,16]`,
    ]),
    "source_bias float32[1,1,1,12]",
    ...[0, 1].flatMap((layer) => [
      `cross.${layer}.key float16[1,2,16,12]`,
      `cross.${layer}.value float16[1,2,12,16]`,
    ]),
  ]);
  expect(signature(decoder!.outputs)).toEqual([
    "logits float32[1,11]",
    ...[0, 1].flatMap((layer) => [
      `present.${layer}.key float16[1,2,16,1]`,
      `present.${layer}.value float16[1,2,1,16]`,
    ]),
  ]);
});

test("float16 graphs compute norms and softmax in float32", () => {
  for (const graph of graphsOf("coreml", "float16")) {
    const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
    const guarded = graph.nodes.filter(({ opType }) => opType === "Softmax" || opType === "ReduceMean");
    expect(guarded.length).toBeGreaterThan(0);
    for (const node of guarded) {
      // Softmax reads scores plus a float32 bias; a mean reads the square of a value cast to float32, divided by its peak.
      let before = producers.get(node.inputs[0]!)!;
      while (before.opType === "Mul" || before.opType === "Div" || before.opType === "Add")
        before = producers.get(before.inputs[0]!)!;
      expect(before.opType).toBe("Cast");
    }
  }
});
