/** Cases of the rules in qdq-weights.ts. */
import { F, input, output, scalar, quantizedGemm, quantizedUnary, type Case } from "./build.test-support.js";

export function qdqWeightsCases(): readonly Case[] {
  return [
    {
      rule: "qdq-weight",
      what: "scales along the wrong axis",
      bad: quantizedGemm({ axis: 0, scales: [0.5, 0.5, 0.5, 0.5] }),
      good: quantizedGemm(),
      says: /along axis 0, they must be along axis 1/,
    },
    {
      rule: "qdq-weight",
      what: "4-bit weights with a zero point",
      bad: quantizedGemm({ weight: "int4", zeroPoint: 1 }),
      good: quantizedGemm({ weight: "int4" }),
      says: /symmetric, with zero point 0/,
    },
    {
      rule: "qdq-weight",
      what: "scales per block",
      bad: quantizedGemm({ weight: "int4", block: 2, axis: 0 }),
      good: quantizedGemm({ weight: "int4" }),
      says: /does not support scales per block of 2/,
    },
    {
      rule: "qdq-weight",
      what: "one scale per channel of an activation",
      bad: (g) => {
        const [s, z] = [g.constant(F, [4], [1, 2, 3, 4]), g.constant("uint8", [4], [0, 0, 0, 0])];
        const x = g.op("DequantizeLinear", [g.op("QuantizeLinear", [input(g), s, z]), s, z]);
        output(g, g.op("Relu", [x]));
      },
      good: quantizedUnary("Relu"),
      says: /only for weights of Conv, ConvTranspose, Gemm, MatMul/,
    },
    {
      rule: "qdq-weight",
      severity: "warning",
      what: "two 16-bit operands of a product",
      bad: (g) => {
        const [s, z] = [scalar(g, F, 1), scalar(g, "uint16", 0)];
        const turn = (value: string): string =>
          g.op("DequantizeLinear", [g.op("QuantizeLinear", [value, s, z]), s, z]);
        output(g, turn(g.op("MatMul", [turn(input(g)), turn(g.input("b", F, [4, 4]))])));
      },
      good: quantizedUnary("Relu", { dtype: "uint16" }),
      says: /both operands have 16 bits/,
    },
    {
      rule: "qdq-bias",
      what: "a bias with an independent scale",
      bad: quantizedGemm({ biasScale: 0.3 }),
      good: quantizedGemm(),
      says: /times the scale of the weight/,
    },
    {
      rule: "qdq-bias",
      what: "a bias with a zero point",
      bad: quantizedGemm({ biasZero: 1 }),
      good: quantizedGemm(),
      says: /zero point of the bias/,
    },
  ];
}
