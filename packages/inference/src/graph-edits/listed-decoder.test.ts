import { GRAPH_IO, LISTED } from "@slm/exported-model";
import { GraphBuilder, checkGraph, int, type Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { withArgmaxOutput } from "./argmax-output.js";
import { splitListed } from "./listed-decoder.js";

/** A decoder that returns logits of the rows that its bias allows. */
function decoder(): Graph {
  const g = new GraphBuilder("decoder");
  const bias = g.input(GRAPH_IO.lexicalBias, "float32", ["batch", 5]);
  const hidden = g.input("hidden", "float32", ["batch", 2]);
  const table = g.initializer("table", "float32", [5, 2], new Float32Array(10));
  const made = (output: string, opType: string, inputs: readonly string[], attributes = {}): string =>
    g.node(opType, inputs, { outputs: [output], attributes })[0]!;
  const columns = g.op("ReduceMax", [bias, g.ints([0])], { attributes: { keepdims: int(0) } });
  const ids = made(LISTED.ids, "Reshape", [g.op("NonZero", [columns]), g.ints([-1])]);
  const rows = made(LISTED.rows, "Gather", [table, ids], { axis: int(0) });
  const shift = made(LISTED.bias, "Gather", [bias, ids], { axis: int(1) });
  const logits = made(LISTED.logits, "Gemm", [hidden, rows, shift], { transB: int(1) });
  const places = g.op("Expand", [ids, g.op("Shape", [logits])]);
  const all = g.op("ScatterElements", [bias, places, logits], { attributes: { axis: int(1) } });
  g.output(GRAPH_IO.logits, all, "float32", ["batch", 5]);
  return g.build();
}

const names = (values: readonly { readonly name: string }[]): string[] => values.map(({ name }) => name);

describe(splitListed, () => {
  test("computes what depends only on the source in a separate graph", () => {
    const { listing, decoder: steps } = splitListed(decoder())!;
    checkGraph(listing);
    checkGraph(steps);
    const fed = [LISTED.ids, LISTED.rows, LISTED.bias];
    expect([names(listing.inputs), names(listing.outputs)]).toEqual([[GRAPH_IO.lexicalBias], fed]);
    expect(names(steps.inputs)).toEqual(["hidden", ...fed]);
    expect(names(steps.outputs)).toEqual([LISTED.logits, GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities]);
    const picks = ["ArgMax", "Gather", "Cast", "Softmax", "ReduceMax", "Log"];
    expect(steps.nodes.map(({ opType }) => opType)).toEqual(["Gemm", ...picks]);
    expect(steps.initializers.has("table")).toBe(false);
  });

  test("picks of the listed tokens where the decoder picked of all", () => {
    const { decoder: steps } = splitListed(withArgmaxOutput(decoder()))!;
    checkGraph(steps);
    expect(steps).toEqual(splitListed(decoder())!.decoder);
  });

  test("leaves a decoder that lists nothing, or does not name it", () => {
    const whole = decoder();
    expect(splitListed({ ...whole, inputs: whole.inputs.slice(1) })).toBeUndefined();
    const renamed = whole.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => name.replace(LISTED.rows, "other")),
      outputs: node.outputs.map((name) => name.replace(LISTED.rows, "other")),
    }));
    expect(splitListed({ ...whole, nodes: renamed })).toBeUndefined();
  });
});
