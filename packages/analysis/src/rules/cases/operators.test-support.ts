/** Cases of the rules in operators.ts. */
import { subgraph } from "@slm/onnx";
import { F, input, output, scalar, single, emptyBody, type Case } from "./build.test-support.js";

export function operatorsCases(): readonly Case[] {
  return [
    {
      rule: "operator",
      what: "an operator that the device does not have",
      bad: single("FastGelu", { domain: "com.microsoft" }),
      good: single("Gelu"),
      says: /does not support com.microsoft:FastGelu/,
    },
    {
      rule: "operator",
      what: "an operator that does not exist",
      profile: "cpu",
      bad: single("Frobnicate"),
      good: single("Gelu"),
      says: /ONNX and ONNX Runtime do not have/,
    },
    {
      rule: "operator",
      severity: "warning",
      what: "an operator that a GPU leaves to the CPU",
      profile: "webgpu",
      bad: single("Round"),
      good: single("Gelu"),
      says: /the CPU computes it/,
    },
    {
      rule: "operator",
      what: "Erf outside Gelu",
      bad: single("Erf"),
      good: (g) => {
        const x = input(g);
        const erf = g.op("Erf", [g.op("Div", [x, scalar(g, F, Math.SQRT2)])]);
        const y = g.op("Mul", [x, g.op("Add", [erf, scalar(g, F, 1)])]);
        output(g, g.op("Mul", [y, scalar(g, F, 0.5)]));
      },
      says: /only inside Gelu/,
    },
    {
      rule: "opset",
      what: "an operator that the imported opset does not have",
      profile: "cpu",
      opset: 17,
      bad: single("Gelu"),
      good: single("Tanh"),
      says: /from opset 20 on, but the model imports 17/,
    },
    {
      rule: "opset",
      what: "an operator that the imported opset no longer has",
      profile: "cpu",
      bad: (g) => {
        output(g, g.op("Upsample", [input(g), g.constant(F, [2], [1, 1])]));
      },
      good: single("Tanh"),
      says: /was removed in opset 10/,
    },
    {
      rule: "opset",
      severity: "warning",
      what: "a version of an operator that the device does not have",
      profile: "webgpu",
      bad: (g) => {
        const x = input(g, [1, 1, 4, 4]);
        output(g, g.op("GridSample", [x, g.input("grid", F, [1, 2, 2, 2])]), [1, 1, 2, 2]);
      },
      says: /supports GridSample of opsets 0 to 19/,
    },
    {
      rule: "control-flow",
      what: "control flow",
      bad: (g) => {
        const x = input(g);
        const body = { ...emptyBody, outputs: [{ name: x }] };
        const branches = { then_branch: subgraph(body), else_branch: subgraph(body) };
        output(g, g.op("If", [g.input("c", "bool", [])], { attributes: branches }));
      },
      says: /does not support control flow; the 0 nodes inside If/,
    },
  ];
}
