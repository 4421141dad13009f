/** Statically known facts about values: element types, fully known shapes, constant integers. */
import { attributeOf } from "../graph/attributes.js";
import { dtypeOfCode, type OnnxDType } from "../graph/dtypes.js";
import type { Graph, GraphNode, UntypedValue } from "../graph/graph.js";
import { readIntegers } from "../graph/values.js";

/** Operators of domain `""` whose first output has the element type of their first input. */
const KEEPS_DTYPE: ReadonlySet<string> = new Set([
  "Identity",
  "Reshape",
  "Transpose",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "Expand",
  "Slice",
  "Concat",
  "Gather",
  "Add",
  "Sub",
  "Mul",
  "Div",
  "MatMul",
  "Gemm",
  "Neg",
  "Abs",
  "Sqrt",
  "Reciprocal",
  "Exp",
  "Log",
  "Erf",
  "Tanh",
  "Sigmoid",
  "Relu",
  "Softmax",
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "Clip",
  "Pad",
  "Split",
]);

export class Facts {
  readonly #dtypes = new Map<string, OnnxDType>();
  readonly #shapes = new Map<string, readonly number[]>();
  readonly #producers = new Map<string, GraphNode>();
  readonly #constants: Graph["initializers"];
  readonly #inputs: ReadonlySet<string>;

  constructor(graph: Graph) {
    this.#constants = graph.initializers;
    this.#inputs = new Set(graph.inputs.map(({ name }) => name));
    for (const value of graph.initializers.values()) this.#learn(value);
    for (const value of [...graph.inputs, ...(graph.values?.values() ?? [])]) this.#learn(value);
  }

  #learn({ name, dtype, shape }: UntypedValue): void {
    if (dtype !== undefined) this.#dtypes.set(name, dtype);
    const sizes = shape?.filter((size) => typeof size === "number");
    if (sizes !== undefined && sizes.length === shape?.length) this.#shapes.set(name, sizes);
  }

  /** Adds a node that stays in the graph, and the facts about its outputs. */
  add(node: GraphNode): void {
    for (const output of node.outputs) this.#producers.set(output, node);
    const output = node.outputs[0];
    if (output === undefined || node.domain !== "") return;
    const dtype =
      node.opType === "Cast"
        ? dtypeOfCode(attributeOf(node, "to", "int") ?? 0)
        : KEEPS_DTYPE.has(node.opType)
          ? this.dtypeOf(node.inputs[0] ?? "")
          : undefined;
    if (dtype !== undefined) this.#dtypes.set(output, dtype);
    if (node.opType !== "Reshape") return;
    const shape = this.integersOf(node.inputs[1] ?? "");
    const zeroMeansZero = attributeOf(node, "allowzero", "int") === 1;
    if (shape?.every((size) => size > 0 || (size === 0 && zeroMeansZero)) === true)
      this.#shapes.set(output, shape);
  }

  producerOf(value: string): GraphNode | undefined {
    return this.#producers.get(value);
  }

  dtypeOf(value: string): OnnxDType | undefined {
    return this.#dtypes.get(value);
  }

  /** The shape of a value; undefined unless every dimension is a known number. */
  shapeOf(value: string): readonly number[] | undefined {
    return this.#shapes.get(value);
  }

  /** The numbers of an integer constant; an initializer that an input can override is not constant. */
  integersOf(value: string): readonly number[] | undefined {
    const constant = this.#inputs.has(value) ? undefined : this.#constants.get(value);
    return constant === undefined ? undefined : readIntegers(constant);
  }
}
