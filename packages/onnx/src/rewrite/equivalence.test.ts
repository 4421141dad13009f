import fc from "fast-check";
import { expect, test } from "vitest";
import { attributeOf, int, ints, subgraph } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { decodeModel } from "../codec/decode.js";
import { encodeModel } from "../codec/encode.js";
import type { Graph, GraphNode } from "../graph/graph.js";
import { readIntegers } from "../graph/values.js";
import { optimizeGraph } from "./optimize.js";

interface Value {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const size = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

function reshaped({ shape, data }: Value, target: readonly number[]): Value {
  const copied = target.map((axis, index) => (axis === 0 ? shape[index]! : axis));
  const known = size(copied.filter((axis) => axis !== -1));
  return { shape: copied.map((axis) => (axis === -1 ? data.length / known : axis)), data };
}

function transposed({ shape, data }: Value, order: readonly number[]): Value {
  const strides = shape.map((_, axis) => size(shape.slice(axis + 1)));
  const result = order.map((axis) => shape[axis]!);
  const from = (index: number): number => {
    let rest = index;
    let offset = 0;
    for (let axis = order.length - 1; axis >= 0; axis -= 1) {
      offset += (rest % result[axis]!) * strides[order[axis]!]!;
      rest = Math.floor(rest / result[axis]!);
    }
    return offset;
  };
  return { shape: result, data: data.map((_, index) => data[from(index)]!) };
}

function compute(graph: Graph, node: GraphNode, source: Value): Value {
  switch (node.opType) {
    case "Neg":
      return { ...source, data: source.data.map((value) => -value) };
    case "Reshape":
      return reshaped(source, readIntegers(graph.initializers.get(node.inputs[1]!)!)!);
    case "Transpose":
      return transposed(source, attributeOf(node, "perm", "ints")!);
    default:
      return source;
  }
}

/** Computes nodes in order. A body reads outer values by name, and its branch is always taken. */
function run(graph: Graph, nodes: readonly GraphNode[], values: Map<string, Value>): void {
  for (const node of nodes) {
    const body = attributeOf(node, "then_branch", "graph");
    if (body === undefined) {
      values.set(node.outputs[0]!, compute(graph, node, known(values, node.inputs[0]!)));
      continue;
    }
    run(graph, body.nodes, values);
    values.set(node.outputs[0]!, known(values, body.outputs[0]!.name));
  }
}

function known(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new Error(`'${name}' is read before it is computed`);
  return value;
}

/** The graph's outputs for one input, by the definition of each operator. */
function evaluate(graph: Graph, x: Value): readonly Value[] {
  const values = new Map([["x", x]]);
  run(graph, graph.nodes, values);
  return graph.outputs.map(({ name }) => known(values, name));
}

const ORDERS = [
  [0, 1, 2],
  [1, 2, 0],
  [2, 0, 1],
  [0, 2, 1],
  [2, 1, 0],
] as const;
const SHAPES = [[2, 2, 2], [8], [2, -1], [4, 2], [0, -1]] as const;

/** An `If` with one branch. */
function branch(g: GraphBuilder, condition: string, body: () => string): string {
  return g.op("If", [condition], { attributes: { then_branch: subgraph(g.branch("then", body)) } });
}

/** A graph of elementwise, shape and order operators over values of 8 elements, and of branches that read them. */
function randomGraph(
  steps: readonly { kind: number; a: number; b: number }[],
  outputs: readonly number[],
): Graph {
  const g = new GraphBuilder("random");
  const values = [{ name: g.input("x", "float32", [2, 2, 2]), rank: 3 }];
  for (const { kind, a, b } of steps) {
    const source = values[a % values.length]!;
    const shape = SHAPES[b % SHAPES.length]!;
    if (kind < 2)
      values.push({ name: g.op(kind === 0 ? "Neg" : "Identity", [source.name]), rank: source.rank });
    else if (kind < 4)
      values.push({ name: g.op("Cast", [source.name], { attributes: { to: int(1) } }), rank: source.rank });
    else if (kind >= 9) {
      // Bodies read outer values; the inner body also reads values of the outer body.
      const inner = (): string => g.op(b % 2 === 0 ? "Neg" : "Identity", [source.name]);
      const outer = (): string => g.op("Neg", [branch(g, source.name, inner)]);
      values.push({ name: branch(g, source.name, b % 3 === 0 ? outer : inner), rank: source.rank });
    } else if (kind < 7 || source.rank !== 3) {
      values.push({ name: g.op("Reshape", [source.name, g.ints(shape)]), rank: shape.length });
    } else
      values.push({
        name: g.op("Transpose", [source.name], { attributes: { perm: ints(ORDERS[b % ORDERS.length]!) } }),
        rank: 3,
      });
  }
  outputs.forEach((pick, index) => {
    g.output(`y${index}`, values[pick % values.length]!.name, "float32", ["any"]);
  });
  return g.build();
}

test("random graphs compute the same before and after, with no more nodes", () => {
  const step = fc.record({ kind: fc.nat(11), a: fc.nat(), b: fc.nat() });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      (steps, outputs) => {
        const graph = randomGraph(steps, outputs);
        const optimized = optimizeGraph(graph);
        const x = { shape: [2, 2, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] };
        expect(evaluate(optimized, x)).toEqual(evaluate(graph, x));
        expect(optimized.outputs).toEqual(graph.outputs);
        expect(optimized.nodes.length).toBeLessThanOrEqual(graph.nodes.length);
        expect(decodeModel(encodeModel(optimized))).toEqual(optimized);
      },
    ),
    { numRuns: 500 },
  );
});
