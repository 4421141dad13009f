/** Proves that an output can overwrite an input, because no node reads the input after the write. */
import { SlmError } from "@slm/core";
import type { Graph, GraphNode, OutputInfo, ValueInfo } from "../graph/graph.js";
import { describeNode, valuesRead } from "../wiring/uses.js";

/** A graph input and a graph output that share one buffer while the graph runs. */
export interface InPlacePair {
  readonly input: string;
  readonly output: string;
}

/** Operators whose first output can be a view of their first input. */
const VIEWS: ReadonlySet<string> = new Set(["Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);

/**
 * Operators that write element i only after reading element i of each input, so an input of the output's size can share its buffer. All
 * other operators can read elements after they have written others, including variadic operators (`Sum`, `Max`), which process the output
 * once per input.
 */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "Where",
  "Mod",
  "Abs",
  "Neg",
  "Sqrt",
  "Reciprocal",
  "Exp",
  "Log",
  "Sign",
  "Floor",
  "Ceil",
  "Round",
  "Clip",
  "Erf",
  "Relu",
  "Sigmoid",
  "Tanh",
  "Not",
  "And",
  "Or",
  "Xor",
]);

/** Operators that allow past and present caches to share one buffer. Source: ContribOperators.md of onnxruntime. */
const SHARED_CACHE: ReadonlySet<string> = new Set(["GroupQueryAttention"]);

interface Wiring {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<string, number>;
  /** Nodes whose values a node reads, by node. */
  readonly before: readonly (readonly number[])[];
  /** Nodes that read a value, by value. */
  readonly readers: ReadonlyMap<string, readonly number[]>;
}

function wiringOf(graph: Graph): Wiring {
  const producers = new Map<string, number>();
  const readers = new Map<string, number[]>();
  const before = graph.nodes.map((node, index) => {
    for (const output of node.outputs) if (output !== "") producers.set(output, index);
    const values = new Set(valuesRead(node));
    for (const value of values) {
      const list = readers.get(value);
      if (list === undefined) readers.set(value, [index]);
      else list.push(index);
    }
    return [...values].flatMap((value) => producers.get(value) ?? []);
  });
  return { graph, producers, before, readers };
}

function isView(node: GraphNode): boolean {
  return node.domain === "" && VIEWS.has(node.opType);
}

/** A value and all values that can be views of its memory. */
function withViews(value: string, { graph, readers }: Wiring): ReadonlySet<string> {
  const views = new Set([value]);
  for (const view of views) {
    for (const index of readers.get(view) ?? []) {
      const node = graph.nodes[index]!;
      if (isView(node) && node.inputs[0] === view) views.add(node.outputs[0]!);
    }
  }
  return views;
}

/**
 * The first node that can write the output's memory: its producer or, after a chain of views, the producer of the viewed value, which a
 * runtime can compute directly into the output.
 */
function firstWriter(output: string, { graph, producers }: Wiring): number {
  let writer = producers.get(output);
  if (writer === undefined) throw new SlmError("UNEXPECTED", `in place: no node computes output '${output}'`);
  for (;;) {
    const node: GraphNode = graph.nodes[writer]!;
    const before: number | undefined = isView(node) ? producers.get(node.inputs[0]!) : undefined;
    if (before === undefined) return writer;
    writer = before;
  }
}

/** The node and all nodes that must run before it. */
function withAncestors(index: number, { before }: Wiring): ReadonlySet<number> {
  const found = new Set([index]);
  for (const at of found) for (const producer of before[at]!) found.add(producer);
  return found;
}

function mayOverwriteOwnInput(node: GraphNode): boolean {
  return node.domain === "" ? ELEMENTWISE.has(node.opType) : SHARED_CACHE.has(node.opType);
}

function checkPair({ input, output }: InPlacePair, wiring: Wiring): void {
  const { graph, readers } = wiring;
  const where = `in place: output '${output}' over input '${input}'`;
  const writer = firstWriter(output, wiring);
  const before = withAncestors(writer, wiring);
  const views = withViews(input, wiring);
  // A chain of views from the input to the output does not change the buffer.
  if (views.has(output)) return;
  const suggestions = ["give the output a separate buffer and swap the two buffers after each run"];
  for (const view of views) {
    for (const reader of readers.get(view) ?? []) {
      const node = graph.nodes[reader]!;
      if (reader === writer ? mayOverwriteOwnInput(node) || isView(node) : before.has(reader)) continue;
      const writing = describeNode(graph.nodes[writer]!, writer);
      const why =
        reader === writer
          ? "reads elements after it has written others"
          : `can read '${view}' after ${writing} has written`;
      const context = { input, output, reader: node.name, writer: graph.nodes[writer]!.name };
      throw new SlmError("UNEXPECTED", `${where}: ${describeNode(node, reader)} ${why}`, {
        context,
        suggestions,
      });
    }
  }
}

function infoOf<Info extends OutputInfo>(list: readonly Info[], name: string, kind: string): Info {
  const info = list.find((value) => value.name === name);
  if (info === undefined) throw new SlmError("UNEXPECTED", `in place: the graph has no ${kind} '${name}'`);
  return info;
}

/** Checks for the same dtype, rank and numeric sizes. */
function checkSameBuffer(input: ValueInfo, output: OutputInfo): void {
  const { shape } = output;
  const same =
    input.dtype === output.dtype &&
    input.shape.length === shape?.length &&
    input.shape.every(
      (size, axis) => typeof size === "string" || typeof shape[axis] === "string" || size === shape[axis],
    );
  if (same) return;
  const show = ({ name, dtype, shape: sizes }: OutputInfo): string =>
    `'${name}' ${dtype}${sizes === undefined ? " of unknown shape" : `[${sizes.join(",")}]`}`;
  throw new SlmError("UNEXPECTED", `in place: ${show(input)} and ${show(output)} cannot share a buffer`);
}

/**
 * Checks that each output can share the buffer of its input, for every topological order of the nodes.
 *
 * A pair is safe if every node that reads the input, or a view of it, must run before the node that writes the output, or is the same node
 * and works element by element. A view of the output counts as written when the viewed value is.
 *
 * @throws SlmError UNEXPECTED naming the reader that could run too late, or a value that is in two pairs.
 */
export function assertInPlaceSafe(graph: Graph, pairs: readonly InPlacePair[]): void {
  const wiring = wiringOf(graph);
  const taken = new Set<string>();
  for (const { input, output } of pairs) {
    for (const name of [`input '${input}'`, `output '${output}'`]) {
      if (taken.has(name))
        throw new SlmError(
          "UNEXPECTED",
          `in place: ${name} is in two pairs, but a buffer can have only one writer`,
        );
      taken.add(name);
    }
    checkSameBuffer(infoOf(graph.inputs, input, "input"), infoOf(graph.outputs, output, "output"));
  }
  for (const pair of pairs) checkPair(pair, wiring);
}
