import type { Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { selectDevice } from "../settings/profiles.js";
import { decoderOnly, encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { fuseHorizontally } from "./horizontal-fusion.js";
import { decoderGraph, encoderGraph } from "./native-graphs.js";
import { graphSource } from "./record.js";

const cpu = selectDevice({ target: "cpu" });
const source = graphSource(randomCheckpoint(encoderDecoder), cpu);
const encoder = encoderGraph(source);
const decoder = decoderGraph(source);
const { heads, kvHeads, headDim, width, encoderLayers, decoderLayers } = encoderDecoder;
const queryWidth = heads * headDim;
const keyWidth = kvHeads * headDim;

const nodesOf = ({ nodes }: Graph, operator: string): Graph["nodes"] =>
  nodes.filter(({ opType }) => opType === operator);
const shapesOf = ({ initializers }: Graph, pattern: RegExp): (readonly number[])[] =>
  [...initializers.values()].filter(({ name }) => pattern.test(name)).map(({ shape }) => shape);

describe(fuseHorizontally, () => {
  test("makes one product of queries, keys and values of every layer", () => {
    for (const [graph, layers] of [
      [encoder, encoderLayers],
      [decoder, decoderLayers],
    ] as const) {
      const weights = shapesOf(graph, /attention\.query\+key\+value\.weight$/);
      expect(weights).toEqual(Array.from({ length: layers }, () => [width, queryWidth + 2 * keyWidth]));
      const biases = shapesOf(graph, /attention\.query\+key\+value\.bias$/);
      expect(biases).toEqual(Array.from({ length: layers }, () => [queryWidth + 2 * keyWidth]));
    }
  });

  test("makes one product of the source's keys and values for all layers of the decoder", () => {
    const cross = shapesOf(encoder, /crossAttention\..*\.weight$/);
    expect(cross).toEqual([[width, 2 * decoderLayers * keyWidth]]);
    expect(nodesOf(encoder, "Split")).toHaveLength(1);
  });

  test("gives attention over whole sequences what is joined, and splits it where more than attention reads it", () => {
    expect(nodesOf(encoder, "GroupQueryAttention").map(({ inputs }) => inputs.slice(1, 3))).toEqual(
      Array.from({ length: encoderLayers }, () => ["", ""]),
    );
    const splits = nodesOf(decoder, "Split").filter(({ inputs }) => inputs[0]!.endsWith("/joined"));
    expect(splits.map(({ outputs }) => outputs.length)).toEqual(
      Array.from({ length: decoderLayers }, () => 3),
    );
  });

  test("joins nothing in graphs of other targets", () => {
    for (const target of ["web", "gpu"] as const) {
      const graph = decoderGraph(graphSource(randomCheckpoint(decoderOnly), selectDevice({ target })));
      expect([...graph.initializers.keys()].filter((name) => name.includes("+"))).toEqual([]);
    }
  });
});
