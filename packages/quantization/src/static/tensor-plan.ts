/** The plan of a static quantization: which values are quantized, and how. The operators' rules fill it in before the graph is changed. */
import {
  capturesOf,
  subgraphsOf,
  valuesRead,
  type Graph,
  type GraphNode,
  attributeOf,
  dtypeOfCode,
  type OnnxDType,
} from "@slm/onnx";

// Finds the float32 values of a graph, from declared types and from the operators.

type TypeOf = (name: string | undefined) => OnnxDType | undefined;
/** The element type of output `index` of a node, or undefined if it is unknown. */
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

/** Operators with outputs of another type than the first input's. */
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
  // Bodies are not searched.
  If: () => undefined,
  Loop: () => undefined,
  Scan: () => undefined,
};

const ofFirstInput = like(0);

/** Names of the float32 inputs, initializers and node outputs. Values of unknown type are not included. */
function floatValues(graph: Graph): ReadonlySet<string> {
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

/** A value that is quantized. `axis`: one scale per place along it. `like`: uses the parameters of another value. */
export type PlannedTensor =
  | { readonly kind: "activation" }
  | { readonly kind: "weight"; readonly axis?: number }
  | { readonly kind: "like"; readonly value: string };

/** The bias of a node, which becomes int32. Its scale is the input's times the weight's (times beta). */
export interface PlannedBias {
  readonly name: string;
  readonly input: string;
  readonly weight: string;
  readonly beta: number;
}

export interface PlanOptions {
  /** Data-moving operators also quantize their inputs, so that every operator is wrapped. */
  readonly force: boolean;
}

/** A plan under construction. Rules query and mark values. A later mark of a weight per channel overrides an earlier one. */
export class TensorPlan {
  readonly tensors = new Map<string, PlannedTensor>();
  /** By node, because two nodes can share a bias but not its scale. */
  readonly biases = new Map<number, PlannedBias>();
  /** Removed nodes. The node before computes their output. */
  readonly removed = new Set<number>();
  /** New names of node outputs, by the removed value. */
  readonly renamed = new Map<string, string>();
  readonly graph: Graph;
  readonly options: PlanOptions;
  readonly #floats: ReadonlySet<string>;
  readonly #consumers = new Map<string, number>();
  readonly #boundary: ReadonlySet<string>;
  readonly #captured: ReadonlySet<string>;
  /** Embedding tables. */
  readonly #tables: ReadonlySet<string>;

  constructor(graph: Graph, options: PlanOptions) {
    this.graph = graph;
    this.options = options;
    this.#floats = floatValues(graph);
    this.#boundary = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
    this.#captured = new Set(graph.nodes.flatMap(subgraphsOf).flatMap((body) => [...capturesOf(body)]));
    const gathers = graph.nodes.filter(({ opType }) => opType === "Gather");
    this.#tables = new Set(gathers.map(({ inputs }) => inputs[0] ?? ""));
    for (const node of graph.nodes) {
      for (const input of valuesRead(node)) this.#consumers.set(input, (this.#consumers.get(input) ?? 0) + 1);
    }
  }

  get opset(): number {
    return this.graph.opsets[""] ?? 0;
  }

  isWeight(name: string | undefined): name is string {
    return name !== undefined && this.graph.initializers.get(name)?.dtype === "float32";
  }

  isQuantized(name: string | undefined): boolean {
    return name !== undefined && this.tensors.has(name);
  }

  activation(name: string | undefined): void {
    if (name !== undefined && this.#floats.has(name) && !this.tensors.has(name)) {
      this.tensors.set(name, { kind: "activation" });
    }
  }

  /** Marks an output that has the parameters of an input. */
  like(output: string, input: string): void {
    if (this.#floats.has(output)) this.tensors.set(output, { kind: "like", value: input });
  }

  /** Marks a weight with one scale per index along `axis`, or one scale if it does not have the axis. */
  weight(name: string | undefined, axis: number): void {
    if (name === undefined) return;
    const rank = this.graph.initializers.get(name)?.shape.length ?? 0;
    const place = axis < 0 ? axis + rank : axis;
    if (!this.isWeight(name)) this.activation(name);
    else if (place >= 0 && place < rank && this.#takesChannels(name)) {
      this.tensors.set(name, { kind: "weight", axis: place });
    } else if (!this.tensors.has(name)) this.tensors.set(name, { kind: "weight" });
  }

  /** Devices support scales per channel only in products, so a table that is also looked up gets one scale. */
  #takesChannels(name: string): boolean {
    return !this.options.force || !this.#tables.has(name);
  }

  /** Marks a constant bias that a node adds to the product of `input` and `weight`. */
  bias(node: number, [input, weight, name]: readonly (string | undefined)[], beta: number): void {
    if (this.isWeight(name) && this.isQuantized(input) && this.isQuantized(weight)) {
      this.biases.set(node, { name, input: input!, weight: weight!, beta });
    }
  }

  /** Whether exactly one node reads the value, and it is not a graph output. */
  isPrivate(name: string): boolean {
    return this.#consumers.get(name) === 1 && !this.#boundary.has(name);
  }

  /** Whether a body reads a value by name. It then reads the original, not the dequantized value. */
  isCaptured(name: string): boolean {
    return this.#captured.has(name);
  }

  /** Makes the producer of `before` write `after`, and removes the node in between. */
  bypass(node: number, before: string, after: string): void {
    this.tensors.delete(before);
    this.renamed.set(before, after);
    this.removed.add(node);
  }
}

/** Marks the values of one node that are quantized. */
export type OperatorRule = (node: GraphNode, index: number, plan: TensorPlan) => void;
