/**
 * Horizontal fusion: several MatMuls of one value become one. A CPU then reads the input of queries, keys and values once, quantizes it
 * once, and synchronizes its threads once.
 *
 * ```
 * x ─► MatMul query ─► Add ─► q          x ─► MatMul query+key+value ─► Add ─► Split ─► q, k, v
 * x ─► MatMul key   ─► Add ─► k    ==>
 * x ─► MatMul value ─► Add ─► v
 * ```
 *
 * If a GroupQueryAttention is the only reader of all three, it reads them packed, without the Split. Each column is computed from the same
 * numbers as before.
 */
import { GraphIndex, int, type Graph, type GraphNode, type Initializer } from "@slm/onnx";
import { CONTRIB } from "@slm/tensor";
import type { GraphWeights, StoredWeight } from "../weights/graph-weights.js";

/** One MatMul with its weight, its bias, and the name of its result. */
interface Branch {
  readonly product: GraphNode;
  readonly weight: StoredWeight;
  readonly sum: GraphNode | undefined;
  readonly bias: StoredWeight | undefined;
  readonly output: string;
}

/** The nodes that replace a group of branches. */
interface Joined {
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Initializer[];
}

/** Returns the graph with every group fused, without the weights that only the group used. */
export function fuseHorizontally(graph: Graph, weights: GraphWeights): Graph {
  const index = new GraphIndex(graph);
  const groups = groupsOf(graph, index, weights).filter((group) => group.length > 1);
  const initializers = new Map(graph.initializers);
  const gone = new Set<GraphNode>();
  const instead = new Map<GraphNode, readonly GraphNode[]>();
  for (const group of groups) {
    const joined = join(group, weights);
    instead.set(group[0]!.product, joined.nodes);
    for (const { product, sum, weight, bias } of group) {
      gone.add(product);
      if (sum !== undefined) gone.add(sum);
      initializers.delete(weight.name);
      if (bias !== undefined) initializers.delete(bias.name);
    }
    for (const initializer of joined.initializers) initializers.set(initializer.name, initializer);
  }
  const nodes = graph.nodes.flatMap((node) => instead.get(node) ?? (gone.has(node) ? [] : [node]));
  return packAttention({ ...graph, nodes, initializers });
}

/** Groups branches by their input and by whether they have a bias, in graph order. */
function groupsOf(graph: Graph, index: GraphIndex, weights: GraphWeights): readonly (readonly Branch[])[] {
  const groups = new Map<string, Branch[]>();
  for (const node of graph.nodes) {
    const branch = branchOf(node, index, weights);
    if (branch === undefined) continue;
    const key = `${branch.bias === undefined ? "" : "biased "}${node.inputs[0]!}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [branch]);
    else group.push(branch);
  }
  return [...groups.values()];
}

function branchOf(product: GraphNode, index: GraphIndex, weights: GraphWeights): Branch | undefined {
  if (product.opType !== "MatMul" || product.domain !== "") return undefined;
  const weight = ownWeight(product.inputs[1]!, index, weights);
  if (weight?.layout !== "transposed") return undefined;
  const output = product.outputs[0]!;
  const [use, ...others] = index.usesOf(output);
  const sum = others.length === 0 && !index.isOutput(output) ? use?.node : undefined;
  const bias = sum === undefined || sum.opType !== "Add" ? undefined : biasOf(sum, output, index, weights);
  return bias === undefined
    ? { product, weight, sum: undefined, bias, output }
    : { product, weight, sum, bias, output: sum!.outputs[0]! };
}

function biasOf(
  { inputs }: GraphNode,
  product: string,
  index: GraphIndex,
  weights: GraphWeights,
): StoredWeight | undefined {
  if (inputs[0] !== product) return undefined;
  const bias = ownWeight(inputs[1]!, index, weights);
  return bias?.shape.length === 1 ? bias : undefined;
}

/** Whether only this node reads the weight. */
function ownWeight(name: string, index: GraphIndex, weights: GraphWeights): StoredWeight | undefined {
  return index.usesOf(name).length === 1 ? weights.stored(name) : undefined;
}

function join(group: readonly Branch[], weights: GraphWeights): Joined {
  const [first] = group as readonly [Branch];
  const weight = weights.joined(group.map((branch) => branch.weight));
  const bias = first.bias === undefined ? undefined : weights.joined(group.map((branch) => branch.bias!));
  const parts = group.map(({ weight: { shape } }) => shape[0]!);
  const whole = `${first.output}/joined`;
  const productOutput = bias === undefined ? whole : `${first.product.outputs[0]!}/joined`;
  const sizes = sizesInitializer(`${first.output}/parts`, parts);
  const product = {
    ...first.product,
    inputs: [first.product.inputs[0]!, weight.name],
    outputs: [productOutput],
  };
  const sum = first.sum && { ...first.sum, inputs: [productOutput, bias!.name], outputs: [whole] };
  const split: GraphNode = {
    name: first.product.name.replace(/[^/]*$/, "Split"),
    opType: "Split",
    domain: "",
    inputs: [whole, sizes.name],
    outputs: group.map(({ output }) => output),
    attributes: { axis: int(-1) },
  };
  return {
    nodes: [product, ...(sum === undefined ? [] : [sum]), split],
    initializers: [weight, ...(bias === undefined ? [] : [bias]), sizes],
  };
}

function sizesInitializer(name: string, sizes: readonly number[]): Initializer {
  const data = new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer);
  return { name, dtype: "int64", shape: [sizes.length], data };
}

/** Passes packed queries, keys and values to an attention that is the only reader of their Split. */
function packAttention(graph: Graph): Graph {
  const index = new GraphIndex(graph);
  const initializers = new Map(graph.initializers);
  const gone = new Set<GraphNode>();
  const nodes = graph.nodes.map((node) => {
    const split = splitBefore(node, index);
    if (split === undefined) return node;
    gone.add(split);
    initializers.delete(split.inputs[1]!);
    return { ...node, inputs: [split.inputs[0]!, "", "", ...node.inputs.slice(3)] };
  });
  return { ...graph, nodes: nodes.filter((node) => !gone.has(node)), initializers };
}

function splitBefore(attention: GraphNode, index: GraphIndex): GraphNode | undefined {
  if (attention.opType !== "GroupQueryAttention" || attention.domain !== CONTRIB) return undefined;
  const read = attention.inputs.slice(0, 3);
  const split = index.producerOf(read[0]!)?.node;
  if (split?.opType !== "Split" || split.outputs.join() !== read.join()) return undefined;
  const isOnly = read.every((value) => index.usesOf(value).length === 1 && !index.isOutput(value));
  return isOnly ? split : undefined;
}
