/** Small graphs that violate one rule, or barely satisfy it. */
import type { ProfileName, Target } from "@slm/devices";
import { GraphBuilder, int, type Graph, type OnnxDType, type Subgraph } from "@slm/onnx";
import { analyzeModel, type ModelAnalysis } from "../../analyze-model.js";
import type { RuleName, Severity } from "../../graph/finding.js";

export type Build = (g: GraphBuilder) => void;

export interface Case {
  readonly rule: RuleName;
  /** "error" by default. */
  readonly severity?: Severity;
  readonly what: string;
  readonly profile?: ProfileName;
  readonly opset?: number;
  readonly bad: Build | Graph;
  /** A Relu by default. */
  readonly good?: Build;
  /** Part of the message. */
  readonly says: RegExp;
}

type Opposite = readonly [rule: RuleName, bad: Build, good: Build, says: RegExp];

/** Cases of one profile with graphs that differ in what the rule is about. */
export const opposites = (profile: ProfileName, list: readonly Opposite[]): readonly Case[] =>
  list.map(([rule, bad, good, says]) => ({ rule, what: `"${says.source}"`, bad, good, says, profile }));

export function graphOf(build: Build, opset = 21): Graph {
  const g = new GraphBuilder("case", { opset });
  build(g);
  return g.build();
}

export function analyze(
  build: Build | Graph,
  { profile = "qnn", opset }: Pick<Case, "profile" | "opset">,
): ModelAnalysis {
  const graph = typeof build === "function" ? graphOf(build, opset) : build;
  return analyzeModel(graph, { target: TARGETS[profile], profile });
}

const TARGETS: Readonly<Record<ProfileName, Target>> = {
  qnn: "npu",
  openvino: "npu",
  coreml: "npu",
  vitisai: "npu",
  cuda: "gpu",
  directml: "gpu",
  webgpu: "web",
  cpu: "cpu",
};

export const F = "float32";
export const input = (
  g: GraphBuilder,
  shape: readonly (number | string)[] = [2, 4],
  dtype: OnnxDType = F,
): string => g.input("x", dtype, shape);
export const output = (
  g: GraphBuilder,
  value: string,
  shape: readonly (number | string)[] = [2, 4],
  dtype: OnnxDType = F,
): void => {
  g.output("y", value, dtype, shape);
};
export const scalar = (g: GraphBuilder, dtype: OnnxDType, value: number): string =>
  g.constant(dtype, [], [value]);

/** One operator from x to y. */
export const single =
  (
    opType: string,
    options: Parameters<GraphBuilder["op"]>[2] = {},
    shape: readonly (number | string)[] = [2, 4],
  ): Build =>
  (g) => {
    output(g, g.op(opType, [input(g, shape)], options), shape);
  };

export const emptyBody: Subgraph = { name: "b", nodes: [], initializers: new Map(), inputs: [], outputs: [] };

export interface Quantizing {
  readonly activation?: OnnxDType;
  readonly weight?: OnnxDType;
  readonly scales?: readonly number[];
  readonly zeroPoint?: number;
  readonly axis?: number;
  readonly block?: number;
  /** A weight whose rows are the outputs. */
  readonly transposed?: boolean;
  readonly biasScale?: number;
  readonly biasZero?: number;
  readonly outputScale?: number;
  readonly domain?: string;
  readonly scale?: number;
}

/** DQ(x), DQ(w), DQ(b) -> Gemm -> Q -> DQ; valid by default. */
export const quantizedGemm =
  (options: Quantizing = {}): Build =>
  (g) => {
    const {
      activation = "uint8",
      weight = "int8",
      scales = [0.5, 0.5, 0.5],
      zeroPoint = 0,
      axis = 1,
      block = 0,
    } = options;
    const { biasScale = 0.25, biasZero = 0, outputScale = 0.5, domain = "" } = options;
    const { transposed = false, scale: inputScale = 0.5 } = options;
    const middle = activation === "uint8" ? 128 : activation === "uint16" ? 32768 : 0;
    const scale = scalar(g, F, inputScale);
    const zero = scalar(g, activation, middle);
    const quantize = (value: string, by: string): string =>
      g.op("QuantizeLinear", [value, by, zero], { domain });
    const dequantize = (value: string, by: string): string =>
      g.op("DequantizeLinear", [value, by, zero], { domain });
    const x = dequantize(quantize(input(g), scale), scale);
    const isOne = scales.length === 1;
    const count = block > 0 ? (4 / block) * 3 : scales.length;
    const shape = isOne ? [] : block > 0 ? [4 / block, 3] : [scales.length];
    const w = g.op(
      "DequantizeLinear",
      [
        g.constant(weight, transposed ? [3, 4] : [4, 3], new Array<number>(12).fill(1)),
        g.constant(F, shape, block > 0 ? new Array<number>(count).fill(0.5) : scales),
        g.constant(weight, shape, new Array<number>(count).fill(zeroPoint)),
      ],
      { domain, attributes: { axis: int(axis), ...(block > 0 ? { block_size: int(block) } : {}) } },
    );
    const b = g.op("DequantizeLinear", [
      g.constant("int32", [3], [1, 2, 3]),
      g.constant(F, [3], [biasScale, biasScale, biasScale]),
      g.constant("int32", [3], [biasZero, biasZero, biasZero]),
    ]);
    const out = scalar(g, F, outputScale);
    const y = g.op("Gemm", [x, w, b], { attributes: { transB: int(transposed ? 1 : 0) } });
    g.output("y", dequantize(quantize(y, out), out), F, [2, 3]);
  };

/** DQ -> operator -> Q -> DQ with two scales. */
export const quantizedUnary =
  (
    opType: string,
    options: {
      readonly before?: number;
      readonly after?: number;
      readonly dtype?: OnnxDType;
      readonly zero?: number;
    } = {},
  ): Build =>
  (g) => {
    const { before = 0.5, after = 0.5, dtype = "uint8", zero = 0 } = options;
    const [one, two, z] = [scalar(g, F, before), scalar(g, F, after), scalar(g, dtype, zero)];
    const x = g.op("DequantizeLinear", [g.op("QuantizeLinear", [input(g), one, z]), one, z]);
    const y = g.op("QuantizeLinear", [g.op(opType, [x]), two, z]);
    output(g, g.op("DequantizeLinear", [y, two, z]), ["", ""]);
  };

export const slice =
  (isConstant: boolean): Build =>
  (g) => {
    const starts = isConstant ? g.ints([0]) : g.input("starts", "int64", [1]);
    output(g, g.op("Slice", [input(g), starts, g.ints([1]), g.ints([0])]), [1, 4]);
  };

/** An operator of one input and one output between DequantizeLinear and QuantizeLinear of uint8. */
export function quantized(g: GraphBuilder, build: (x: string) => string, shape: readonly number[]): void {
  const [scale, zero] = [g.constant(F, [], [0.5]), g.constant("uint8", [], [0])];
  const x = g.op("DequantizeLinear", [g.input("x", "uint8", shape), scale, zero]);
  output(g, g.op("QuantizeLinear", [build(x), scale, zero]), ["", ""], "uint8");
}
