/**
 * The plan of a static quantization: which values are quantized and how. Filled in by the operators' rules before the graph is
 * changed.
 */
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

// Which values of a graph are float32: what the file says, and what the operators imply.

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

/** A value that is quantized. `axis`: one scale per place along it. `like`: takes the parameters of another value. */
export type PlannedTensor =
  | { readonly kind: "activation" }
  | { readonly kind: "weight"; readonly axis?: number }
  | { readonly kind: "like"; readonly value: string };

/** The bias of a node, which becomes int32 with scale = input's times weight's (times beta). */
export interface PlannedBias {
  readonly name: string;
  readonly input: string;
  readonly weight: string;
  readonly beta: number;
}

export interface PlanOptions {
  /** Data-moving operators quantize inputs that nobody else did: every operator is then wrapped. */
  readonly force: boolean;
}

/** The plan in the making. Rules ask and mark; later marks of a weight per channel override earlier ones. */
export class TensorPlan {
  readonly tensors = new Map<string, PlannedTensor>();
  /** By the node that adds it: two nodes may share a bias, but not its scale. */
  readonly biases = new Map<number, PlannedBias>();
  /** Nodes that disappear: their output is computed by the node before. */
  readonly removed = new Set<number>();
  /** New names of node outputs, by the value that is no longer made. */
  readonly renamed = new Map<string, string>();
  readonly graph: Graph;
  readonly options: PlanOptions;
  readonly #floats: ReadonlySet<string>;
  readonly #consumers = new Map<string, number>();
  readonly #boundary: ReadonlySet<string>;
  readonly #captured: ReadonlySet<string>;
  /** What is looked up. */
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

  /** An output with the parameters of an input. */
  like(output: string, input: string): void {
    if (this.#floats.has(output)) this.tensors.set(output, { kind: "like", value: input });
  }

  /** A weight with one scale per place along `axis`, or one scale where it has no such axis. */
  weight(name: string | undefined, axis: number): void {
    if (name === undefined) return;
    const rank = this.graph.initializers.get(name)?.shape.length ?? 0;
    const place = axis < 0 ? axis + rank : axis;
    if (!this.isWeight(name)) this.activation(name);
    else if (place >= 0 && place < rank && this.#takesChannels(name)) {
      this.tensors.set(name, { kind: "weight", axis: place });
    } else if (!this.tensors.has(name)) this.tensors.set(name, { kind: "weight" });
  }

  /** Devices know scales per channel as a part of products: a table that is looked up as well gets one scale. */
  #takesChannels(name: string): boolean {
    return !this.options.force || !this.#tables.has(name);
  }

  /** The bias that a node adds to the product of `input` and `weight`, where it is a constant. */
  bias(node: number, [input, weight, name]: readonly (string | undefined)[], beta: number): void {
    if (this.isWeight(name) && this.isQuantized(input) && this.isQuantized(weight)) {
      this.biases.set(node, { name, input: input!, weight: weight!, beta });
    }
  }

  /** Whether exactly one node reads a value and nobody outside does. */
  isPrivate(name: string): boolean {
    return this.#consumers.get(name) === 1 && !this.#boundary.has(name);
  }

  /** Whether a body reads a value by its name: as its node makes it, not as it comes back from integers. */
  isCaptured(name: string): boolean {
    return this.#captured.has(name);
  }

  /** Lets the maker of `before` make `after` instead, and drops the node in between. */
  bypass(node: number, before: string, after: string): void {
    this.tensors.delete(before);
    this.renamed.set(before, after);
    this.removed.add(node);
  }
}

/** Marks what one node needs quantized. */
export type OperatorRule = (node: GraphNode, index: number, plan: TensorPlan) => void;
