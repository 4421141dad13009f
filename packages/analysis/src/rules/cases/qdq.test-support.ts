/** Cases of the rules in qdq.ts. */
import {
  F,
  input,
  output,
  scalar,
  single,
  quantized,
  quantizedGemm,
  quantizedUnary,
  type Case,
} from "./build.test-support.js";

export function qdqCases(): readonly Case[] {
  return [
    {
      rule: "qdq-form",
      severity: "info",
      what: "a model that is not quantized",
      bad: single("Relu"),
      good: quantizedGemm(),
      says: /not quantized: it runs in float16/,
    },
    {
      rule: "qdq-form",
      severity: "warning",
      what: "an operator outside Q and DQ",
      bad: (g) => {
        const [one, z] = [scalar(g, F, 0.5), scalar(g, "uint8", 0)];
        const x = g.op("DequantizeLinear", [g.op("QuantizeLinear", [input(g), one, z]), one, z]);
        output(g, g.op("Add", [g.op("Relu", [x]), x]));
      },
      good: quantizedUnary("Relu"),
      says: /Relu is not computed in integers \(output '\/Relu' does not go to QuantizeLinear/,
    },
    {
      rule: "qdq-form",
      severity: "warning",
      what: "an output of the model before Q",
      bad: (g) => {
        quantized(g, (x) => g.node("Relu", [x], { outputs: ["r"] })[0]!, [2, 4]);
        g.output("r", "r", F, [2, 4]);
      },
      good: quantizedUnary("Relu"),
      says: /output 'r' is an output of the model/,
    },
    {
      rule: "qdq-parameters",
      what: "activations of a type that the device does not support",
      bad: quantizedUnary("Relu", { dtype: "int32" }),
      good: quantizedUnary("Relu"),
      says: /activations are int32/,
    },
    {
      rule: "qdq-parameters",
      severity: "warning",
      what: "another scale after an operator that only moves elements",
      bad: quantizedUnary("Transpose", { after: 0.25 }),
      good: quantizedUnary("Transpose"),
      says: /different scales/,
    },
    {
      rule: "qdq-parameters",
      severity: "warning",
      what: "a 16-bit Sigmoid with an arbitrary scale",
      bad: quantizedUnary("Sigmoid", { dtype: "uint16" }),
      good: quantizedUnary("Sigmoid", { dtype: "uint16", after: 1 / 65536 }),
      says: /uses 0.0000152587890625 and 0/,
    },
    {
      rule: "qdq-parameters",
      what: "16-bit Q and DQ before opset 21",
      opset: 19,
      bad: quantizedUnary("Relu", { dtype: "uint16" }),
      good: quantizedUnary("Relu"),
      says: /needs opset 21/,
    },
    {
      rule: "qdq-parameters",
      what: "a scale that is not positive",
      bad: quantizedUnary("Relu", { after: 0 }),
      good: quantizedUnary("Relu"),
      says: /not a positive number/,
    },
    {
      rule: "qdq-parameters",
      what: "a scale that is computed",
      bad: (g) => {
        output(
          g,
          g.op("QuantizeLinear", [input(g), g.input("s", F, []), scalar(g, "uint8", 0)]),
          [2, 4],
          "uint8",
        );
      },
      good: quantizedUnary("Relu"),
      says: /must be constants/,
    },
  ];
}
