/** Finds uses of weights that can be quantized, and why others cannot. */
import { attributeOf, valuesRead, type GraphNode, type Initializer } from "@slm/onnx";
import type { WeightLayout } from "../weights/weight-matrix.js";
import type { WeightScope } from "./scopes.js";

/** `output = input times weight (+ bias)`, computed by one node, or by a node and the `Add` after it. */
export interface LinearUse {
  readonly kind: "linear";
  /** Index of the product in `graph.nodes`. */
  readonly node: number;
  /** Index of the `Add` that the quantized node replaces. */
  readonly add?: number;
  readonly weight: string;
  readonly layout: WeightLayout;
  readonly input: string;
  readonly bias?: string;
  readonly output: string;
}

/** `output = rows of weight`: a `Gather` along the first axis. */
export interface EmbeddingUse {
  readonly kind: "embedding";
  readonly node: number;
  readonly weight: string;
  readonly layout: "outputs-first";
  readonly ids: string;
  readonly output: string;
}

export type WeightUse = LinearUse | EmbeddingUse;

/** A node that reads a weight in a way that cannot be quantized. */
interface Rejection {
  readonly kind: "rejection";
  readonly weight: string;
  readonly reason: string;
}

export interface WeightUses {
  readonly uses: readonly WeightUse[];
  /** Reasons why weights stay float32, by initializer. */
  readonly rejections: ReadonlyMap<string, string>;
}

/** The context of a node for matching. */
class Surroundings {
  readonly #graph: WeightScope;
  readonly #readers = new Map<string, number[]>();
  readonly #fixed: ReadonlySet<string>;

  constructor(graph: WeightScope) {
    this.#graph = graph;
    this.#fixed = new Set(graph.outputs.map(({ name }) => name));
    graph.nodes.forEach((node, index) => {
      for (const value of new Set(valuesRead(node))) {
        const readers = this.#readers.get(value);
        if (readers === undefined) this.#readers.set(value, [index]);
        else readers.push(index);
      }
    });
  }

  /** Finds a float32 initializer that callers cannot override. */
  weight(name: string | undefined, rank: number): Initializer | undefined {
    const found = name === undefined ? undefined : this.#graph.initializers.get(name);
    if (found?.dtype !== "float32" || found.shape.length !== rank) return undefined;
    return this.#graph.inputs.some((input) => input.name === name) ? undefined : found;
  }

  isBias(name: string, outputs: number): boolean {
    return this.weight(name, 1)?.shape[0] === outputs;
  }

  /** Finds the `Add` of a bias that is the only reader of `value`. */
  biasAdd(value: string, outputs: number): { add: number; bias: string; output: string } | undefined {
    const [add, ...others] = this.#readers.get(value) ?? [];
    if (add === undefined || others.length > 0 || this.#fixed.has(value)) return undefined;
    const node = this.#graph.nodes[add]!;
    if (node.opType !== "Add" || node.domain !== "" || node.inputs.length !== 2) return undefined;
    if (Object.hasOwn(node.attributes, "axis")) return undefined; // Before opset 7 this attribute could put the bias on any axis.
    const bias = node.inputs[0] === value ? node.inputs[1]! : node.inputs[0]!;
    return this.isBias(bias, outputs) ? { add, bias, output: node.outputs[0]! } : undefined;
  }
}

type Matcher = (node: GraphNode, index: number, around: Surroundings) => WeightUse | Rejection | undefined;

/** Attributes that change the meaning of a product, with their neutral values. */
const PLAIN: Readonly<Record<string, number>> = {
  alpha: 1,
  beta: 1,
  transA: 0,
  transBatchA: 0,
  transBatchB: 0,
};

function notPlain(node: GraphNode): string | undefined {
  return Object.keys(PLAIN).find((name) => {
    const value = attributeOf(node, name, "float") ?? attributeOf(node, name, "int");
    return value !== undefined && value !== PLAIN[name];
  });
}

const linear: Matcher = (node, index, around) => {
  const weight = around.weight(node.inputs[1], 2);
  if (weight === undefined) return undefined;
  const reject = (reason: string): Rejection => ({ kind: "rejection", weight: weight.name, reason });
  const attribute = notPlain(node);
  if (attribute !== undefined) return reject(`${node.opType} has ${attribute} set`);
  const transposed = attributeOf(node, "transB", "int") === 1;
  const outputs = transposed ? weight.shape[0]! : weight.shape[1]!;
  if (weight.data.byteLength === 0) return reject("it has no elements");
  const common = {
    kind: "linear",
    node: index,
    weight: weight.name,
    layout: transposed ? "outputs-first" : "inputs-first",
    input: node.inputs[0]!,
  } as const;
  const output = node.outputs[0]!;
  const own = node.inputs[2] ?? "";
  if (own !== "") {
    return around.isBias(own, outputs)
      ? { ...common, bias: own, output }
      : reject(`${node.opType} adds '${own}', which is not a bias over its outputs`);
  }
  return { ...common, output, ...around.biasAdd(output, outputs) };
};

const embedding: Matcher = (node, index, around) => {
  const weight = around.weight(node.inputs[0], 2);
  if (weight === undefined) return undefined;
  const reject = (reason: string): Rejection => ({ kind: "rejection", weight: weight.name, reason });
  if ((attributeOf(node, "axis", "int") ?? 0) !== 0)
    return reject("Gather does not read along the first axis");
  if (weight.data.byteLength === 0) return reject("it has no elements");
  return {
    kind: "embedding",
    node: index,
    weight: weight.name,
    layout: "outputs-first",
    ids: node.inputs[1]!,
    output: node.outputs[0]!,
  };
};

/** One row per operator with weights that can be quantized, by domain and name. */
const MATCHERS: Readonly<Record<string, Matcher>> = {
  "/MatMul": linear,
  "/Gemm": linear,
  "com.microsoft/FusedMatMul": linear,
  "/Gather": embedding,
};

/** Finds every use of a float32 matrix that can be quantized, in node order. Bodies are separate scopes (`scopesOf`) and not included. */
export function findWeightUses(graph: WeightScope): WeightUses {
  const around = new Surroundings(graph);
  const uses: WeightUse[] = [];
  const rejections = new Map<string, string>();
  graph.nodes.forEach((node, index) => {
    const key = `${node.domain}/${node.opType}`;
    const found = Object.hasOwn(MATCHERS, key) ? MATCHERS[key]!(node, index, around) : undefined;
    if (found === undefined) return;
    if (found.kind === "rejection") rejections.set(found.weight, found.reason);
    else uses.push(found);
  });
  return { uses, rejections };
}
