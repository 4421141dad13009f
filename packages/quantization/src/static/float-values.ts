/** Which values of a graph are float32: what the file says, and what the operators imply. */
import { attributeOf, dtypeOfCode, type Graph, type GraphNode, type OnnxDType } from "@slm/onnx";

type TypeOf = (name: string | undefined) => OnnxDType | undefined;
/** The element type of output `index` of a node, or undefined where it cannot be told. */
type TypeRule = (node: GraphNode, typeOf: TypeOf, index: number) => OnnxDType | undefined;

const like =
  (input: number): TypeRule =>
  (node, typeOf) =>
    typeOf(node.inputs[input]);

const always =
  (dtype: OnnxDType): TypeRule =>
  () =>
    dtype;

const constant: TypeRule = (node) =>
  attributeOf(node, "value", "tensor")?.dtype ??
  (attributeOf(node, "value_float", "float") !== undefined ||
  attributeOf(node, "value_floats", "floats") !== undefined
    ? "float32"
    : "int64");

/** Operators whose outputs are not all of the type of their first input. */
const RULES: Readonly<Record<string, TypeRule>> = {
  ...Object.fromEntries(
    ["Shape", "Size", "NonZero", "ArgMax", "ArgMin"].map((name) => [name, always("int64")]),
  ),
  ...Object.fromEntries(
    ["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Not", "And", "Or", "IsNaN", "IsInf"].map(
      (name) => [name, always("bool")],
    ),
  ),
  Cast: (node) => dtypeOfCode(attributeOf(node, "to", "int") ?? 0),
  CastLike: like(1),
  Where: like(1),
  OneHot: like(2),
  Constant: constant,
  ConstantOfShape: (node) => attributeOf(node, "value", "tensor")?.dtype ?? "float32",
  DequantizeLinear: like(1),
  QuantizeLinear: (node, typeOf) => typeOf(node.inputs[2]) ?? "uint8",
  TopK: (node, typeOf, index) => (index === 0 ? typeOf(node.inputs[0]) : "int64"),
  Dropout: (node, typeOf, index) => (index === 0 ? typeOf(node.inputs[0]) : "bool"),
  MaxPool: (node, typeOf, index) => (index === 0 ? typeOf(node.inputs[0]) : "int64"),
  EmbedLayerNormalization: (node, typeOf, index) => (index === 0 ? typeOf(node.inputs[2]) : "int32"),
  GatherBlockQuantized: like(2),
  // Bodies are not looked into.
  If: () => undefined,
  Loop: () => undefined,
  Scan: () => undefined,
};

const ofFirstInput = like(0);

/**
 * Names of the float32 values: inputs, initializers and outputs of nodes. Values whose type neither the file nor the
 * operators tell are not among them.
 */
export function floatValues(graph: Graph): ReadonlySet<string> {
  const types = new Map<string, OnnxDType>();
  const tell = (name: string, dtype: OnnxDType | undefined): void => {
    if (dtype !== undefined && name !== "") types.set(name, dtype);
  };
  for (const { name, dtype } of [...graph.inputs, ...graph.outputs]) tell(name, dtype);
  for (const { name, dtype } of graph.initializers.values()) tell(name, dtype);
  for (const { name, dtype } of graph.values?.values() ?? []) tell(name, dtype);
  const typeOf: TypeOf = (name) => (name === undefined ? undefined : types.get(name));
  for (const node of graph.nodes) {
    const rule = Object.hasOwn(RULES, node.opType) ? RULES[node.opType]! : ofFirstInput;
    node.outputs.forEach((output, index) => {
      if (!types.has(output)) tell(output, rule(node, typeOf, index));
    });
  }
  return new Set([...types].filter(([, dtype]) => dtype === "float32").map(([name]) => name));
}
