/**
 * Gradient checkpointing (activation recomputation): the backward pass of a layer recomputes the activations it needs from the
 * layer's input, so that only the inputs of layers are kept between the forward and the backward pass.
 *
 * Source: Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost (arXiv 1604.06174).
 */
import { SlmError } from "@slm/core";
import {
  checkGraph,
  GraphIndex,
  int,
  nodesAfter,
  reachableNodes,
  sortNodes,
  standardNode,
  type Graph,
  type GraphNode,
  type Initializer,
} from "@slm/onnx";
import type { Dialect } from "../recording/dialect.js";

/** Scope of all nodes that are recorded before the first gradient. */
export const FORWARD_SCOPE = "forward";

/** Prefix of the names of recomputed nodes. */
const AGAIN = "/again";

/** The name of the node that a node recomputes; its own name if it is not a copy. */
export const originalName = (name: string): string =>
  name.startsWith(`${AGAIN}/`) ? name.slice(AGAIN.length) : name;

/** The layer of a node in the forward pass: models open a scope `layers.N` for each layer. */
const LAYER = new RegExp(`^/${FORWARD_SCOPE}/(?:.*/)?layers\\.\\d+(?=/)`);

interface Passes {
  readonly graph: Graph;
  readonly index: GraphIndex;
  readonly placeOf: ReadonlyMap<GraphNode, number>;
  readonly isForward: (node: GraphNode) => boolean;
  /** Whether a node belongs to the backward pass: it computes gradients or depends on them. */
  readonly isBackward: (node: GraphNode) => boolean;
}

/** The recomputed forward pass of a layer. */
interface Recomputation {
  readonly scope: string;
  /** Copies of the layer's nodes. */
  readonly nodes: readonly GraphNode[];
  /** Recomputed value by original value; the backward pass reads the recomputed ones. */
  readonly values: ReadonlyMap<string, string>;
  /** The input of the layer, which is kept in memory. */
  readonly input: string;
  /** The gradient that its backward pass starts from, and the index of the node that computes it. */
  readonly gradient: string;
  readonly place: number;
}

/**
 * Repeats every layer's forward pass for its backward pass. The results are the same.
 *
 * The copy reads the layer's input plus zero times the gradient that its backward pass starts from, plus zero times all gradients that the
 * previous layer of the backward pass produces. This dependency keeps a runtime from computing the copy earlier, from merging it with the
 * original, and from keeping two copies at a time.
 *
 * @param dialect whether the graph's provider has the operator Sum
 * @throws SlmError UNEXPECTED for a layer whose input or gradient is not found.
 */
export function checkpointLayers(graph: Graph, dialect: Pick<Dialect, "sum">): Graph {
  const passes = passesOf(graph);
  const again = layersOf(graph)
    .flatMap(([layer, nodes]) => recomputeLayer(passes, layer, nodes) ?? [])
    .sort((one, other) => one.place - other.place);
  if (again.length === 0) return graph;
  const copies = new Map(again.flatMap(({ values }) => [...values]));
  const nodes = graph.nodes.map((node) =>
    passes.isBackward(node)
      ? { ...node, inputs: node.inputs.map((value) => copies.get(value) ?? value) }
      : node,
  );
  const gradients = again.map(({ gradient }) => gradient);
  const seconds = again.flatMap((layer, place) => [
    ...inputNodes(
      layer,
      dialect,
      place === 0
        ? []
        : readyBefore(passes, again.slice(place), gradientsLeft(passes, gradients.slice(place - 1))),
    ),
    ...layer.nodes,
  ]);
  const initializers = new Map(graph.initializers).set(ZERO.name, ZERO);
  const result = { ...graph, initializers, nodes: sortNodes([...nodes, ...seconds]) };
  checkGraph(result);
  return result;
}

const ZERO: Initializer = { name: `${AGAIN}/zero`, dtype: "float32", shape: [], data: new Uint8Array(4) };

function passesOf(graph: Graph): Passes {
  const isForward = ({ name }: GraphNode): boolean => name.startsWith(`/${FORWARD_SCOPE}/`);
  const placeOf = new Map(graph.nodes.map((node, place) => [node, place]));
  // Parameters are unpacked before the forward pass.
  const first = graph.nodes.findIndex(isForward);
  const isBackward = (node: GraphNode): boolean => !isForward(node) && placeOf.get(node)! > first;
  return { graph, index: new GraphIndex(graph), placeOf, isForward, isBackward };
}

/** The nodes of each layer's forward pass. */
function layersOf({ nodes }: Graph): readonly (readonly [string, readonly GraphNode[]])[] {
  const layers = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    const layer = LAYER.exec(node.name)?.[0];
    if (layer === undefined) continue;
    const own = layers.get(layer);
    if (own === undefined) layers.set(layer, [node]);
    else own.push(node);
  }
  return [...layers];
}

/** The recomputed forward pass of a layer; undefined if its backward pass reads no activation. */
function recomputeLayer(
  passes: Passes,
  layer: string,
  nodes: readonly GraphNode[],
): Recomputation | undefined {
  const { index, isForward, isBackward } = passes;
  const own = new Set(nodes);
  const isReadBy = (value: string, who: (node: GraphNode) => boolean): boolean =>
    index.usesOf(value).some(({ node }) => who(node));
  // Values that other parts of the forward pass read are kept, because the layer's output is the input of the next layer.
  const isKept = (value: string): boolean =>
    index.isOutput(value) || isReadBy(value, (node) => isForward(node) && !own.has(node));
  const made = nodes.flatMap(({ outputs }) => outputs.filter((value) => value !== ""));
  const wanted = made.filter((value) => !isKept(value) && isReadBy(value, isBackward));
  if (wanted.length === 0) return undefined;

  const copied = reachableNodes(index, wanted, (node, value) => own.has(node) && !isKept(value));
  const inOrder = nodes.filter((node) => copied.has(node));
  const input = inOrder
    .flatMap(({ inputs }) => inputs)
    .find((value) => {
      const node = index.producerOf(value)?.node;
      return node !== undefined && isForward(node) && !copied.has(node);
    });
  const gradient = gradientOf(passes, nodes, wanted);
  if (input === undefined || gradient === undefined) {
    const missing = input === undefined ? "no computed value comes" : "no gradient comes back";
    throw new SlmError("UNEXPECTED", `gradientCheckpointing: ${missing} to layer '${layer}'`);
  }
  const scope = `${AGAIN}${layer}`;
  const values = new Map(
    inOrder.flatMap(({ outputs }) => outputs.map((value) => [value, `${scope}:${value}`] as const)),
  );
  const copyOf = (value: string): string =>
    value === input ? `${scope}/input` : (values.get(value) ?? value);
  const copies = inOrder.map((node) => ({
    ...node,
    name: `${AGAIN}${node.name}`,
    inputs: node.inputs.map(copyOf),
    outputs: node.outputs.map(copyOf),
  }));
  return { scope, nodes: copies, values, input, gradient, place: index.producerOf(gradient)!.index };
}

/**
 * The gradient that a layer's backward pass starts from: the first value that is combined with the layer's activations, does not
 * depend on them, and comes from the layer's output or from later nodes.
 */
function gradientOf(
  { graph, index, placeOf, isForward, isBackward }: Passes,
  nodes: readonly GraphNode[],
  activations: readonly string[],
): string | undefined {
  const start = placeOf.get(nodes[0]!)!;
  const made = nodesAfter(graph, activations, isBackward);
  const isFromBehind = (value: string): boolean =>
    [...reachableNodes(index, [value])].some((node) => isForward(node) && placeOf.get(node)! >= start);
  const isGradient = (value: string): boolean => {
    const node = index.producerOf(value)?.node;
    return node !== undefined && isBackward(node) && !made.has(node) && isFromBehind(value);
  };
  for (const { inputs } of made) {
    const found = inputs.find(isGradient);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The gradients that do not depend on layers which are recomputed later. A gradient that several passes share, such as that of cross-attention's
 * weights, exists only after the last of them.
 */
function readyBefore(
  { graph, index, isBackward }: Passes,
  layers: readonly Recomputation[],
  gradients: readonly string[],
): readonly string[] {
  const activations = layers.flatMap(({ values }) => [...values.keys()]);
  const later = nodesAfter(graph, activations, isBackward);
  return gradients.filter((value) => !later.has(index.producerOf(value)!.node));
}

/** Makes the input of a layer's copy depend on its gradient and on the gradients of the previous layer of the backward pass. */
function inputNodes(
  { scope, input, gradient }: Recomputation,
  { sum }: Pick<Dialect, "sum">,
  left: readonly string[],
): readonly GraphNode[] {
  const sums = [gradient, ...left].map((value, place) =>
    standardNode("ReduceSum", [value], `${scope}/wait.${place}`, { keepdims: int(0) }),
  );
  const names = sums.map(({ name }) => name);
  return [
    ...sums,
    ...(sum ? [standardNode("Sum", names, `${scope}/waits`)] : addition(names, `${scope}/waits`)),
    standardNode("Mul", [`${scope}/waits`, ZERO.name], `${scope}/nothing`),
    standardNode("Add", [input, `${scope}/nothing`], `${scope}/input`),
  ];
}

/** The sum of scalars in nodes with two inputs; the last node's output is named `output`. */
function addition([first, ...others]: readonly string[], output: string): readonly GraphNode[] {
  if (others.length === 0) return [standardNode("Identity", [first!], output)];
  let total = first!;
  return others.map((value, place) => {
    const name = place === others.length - 1 ? output : `${output}.${place}`;
    const node = standardNode("Add", [total, value], name);
    total = name;
    return node;
  });
}

/**
 * The values that the backward pass of a layer computes in addition to the gradient for the next one, mostly gradients of its parameters: the
 * last values that depend on the layer's gradient and on none of the gradients from which later layers of the backward pass start.
 */
function gradientsLeft({ graph, index }: Passes, [gradient, ...later]: readonly string[]): readonly string[] {
  const ofLater = nodesAfter(graph, later);
  const own = new Set([...nodesAfter(graph, [gradient!])].filter((node) => !ofLater.has(node)));
  const toNext = reachableNodes(index, later.slice(0, 1));
  const isLast = ({ outputs }: GraphNode): boolean =>
    !outputs.some((value) => index.usesOf(value).some(({ node }) => own.has(node)));
  return [...own].filter((node) => !toNext.has(node) && isLast(node)).map(({ outputs }) => outputs[0]!);
}
