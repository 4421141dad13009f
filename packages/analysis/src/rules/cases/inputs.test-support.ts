/** Cases of the rules in inputs.ts and model.ts. */
import { int } from "@slm/onnx";
import { graphOf, F, input, output, scalar, single, slice, type Case } from "./build.test-support.js";

export function inputsCases(): readonly Case[] {
  return [
    {
      rule: "dtype",
      what: "element types that the device does not support",
      bad: (g) => {
        output(g, g.op("Relu", [input(g, [2, 4], "float64")]), [2, 4], "float64");
      },
      says: /'x' is float64/,
    },
    {
      rule: "dtype",
      what: "element types that an operator does not support",
      bad: (g) => {
        output(g, g.op("Pow", [input(g), scalar(g, "int32", 2)]));
      },
      good: (g) => {
        output(g, g.op("Pow", [input(g), scalar(g, F, 2)]));
      },
      says: /input 1 of Pow is int32/,
    },
    {
      rule: "dtype",
      severity: "info",
      what: "element types that are converted",
      bad: (g) => {
        output(g, g.op("Abs", [input(g, [2], "int64")]), [2], "int64");
      },
      good: single("Abs"),
      says: /casts it to int32/,
    },
    {
      rule: "constant-input",
      what: "parameters that are computed",
      bad: slice(false),
      good: slice(true),
      says: /input 1 of Slice, 'starts'/,
    },
    {
      rule: "input-count",
      what: "one input where the device needs two or more",
      bad: (g) => {
        output(g, g.op("Max", [input(g)]));
      },
      good: (g) => {
        const x = input(g);
        output(g, g.op("Max", [x, x, x]));
      },
      says: /has 1 inputs/,
    },
    {
      rule: "attribute",
      what: "a normalization that is not along the last axis",
      bad: (g) => {
        const x = input(g);
        const scale = g.constant(F, [2, 4], [1, 1, 1, 1, 1, 1, 1, 1]);
        output(g, g.op("LayerNormalization", [x, scale], { attributes: { axis: int(0) } }));
      },
      good: (g) => {
        const x = input(g);
        const scale = g.constant(F, [4], [1, 1, 1, 1]);
        output(g, g.op("LayerNormalization", [x, scale], { attributes: { axis: int(1) } }));
      },
      says: /axis of LayerNormalization is 0; QNN \(Hexagon\) supports the last axis/,
    },
    {
      rule: "attribute",
      what: "a node that the provider accepts but does not compute",
      profile: "webgpu",
      bad: single("GroupQueryAttention", { domain: "com.microsoft", attributes: { causal: int(0) } }),
      good: single("GroupQueryAttention", { domain: "com.microsoft", attributes: { causal: int(1) } }),
      says: /causal of com.microsoft:GroupQueryAttention is 0; the WebGPU provider supports 1: .* rejects the graph/,
    },
    {
      rule: "name",
      severity: "warning",
      what: "nodes without a name",
      bad: {
        ...graphOf(single("Relu")),
        nodes: graphOf(single("Relu")).nodes.map((node) => ({ ...node, name: "" })),
      },
      says: /nodes have no name/,
    },
    {
      rule: "name",
      severity: "warning",
      what: "nodes with the same name",
      profile: "cpu",
      bad: {
        ...graphOf(single("Relu")),
        nodes: graphOf(single("Relu")).nodes.map((node) => ({ ...node, name: "n" })),
      },
      says: /also called 'n'/,
    },
    {
      rule: "folded",
      severity: "info",
      what: "nodes that compute constants",
      bad: (g) => {
        const x = input(g);
        const size = g.op("Gather", [g.op("Shape", [x]), g.ints([1])]);
        output(
          g,
          g.op("Reshape", [x, g.op("Concat", [g.ints([-1]), size], { attributes: { axis: int(0) } })]),
        );
      },
      good: (g) => {
        output(g, g.op("Reshape", [input(g), g.ints([-1, 4])]), [2, 4]);
      },
      says: /1 Shape, 1 Gather, 1 Concat/,
    },
    {
      rule: "omitted",
      what: "functions in the file",
      bad: Object.assign(graphOf(single("Relu")), {
        producer: "",
        omitted: ["model: ModelProto uses 'functions'"],
      }),
      says: /'functions'/,
    },
  ];
}
