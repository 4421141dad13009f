/** Shape inference of control-flow nodes through their subgraphs. */
import { attributeOf, type GraphNode, type ModelOutline, type Subgraph } from "@slm/onnx";
import {
  axisOf,
  isNumber,
  moreSpecific,
  NOTHING_KNOWN,
  type Dimension,
  type Shape,
  type ValueFacts,
} from "./facts.js";
import type { GraphFacts } from "./graph-facts.js";

/** Inference of a node's subgraphs. */
export interface Bodies {
  readonly opsets: ModelOutline["opsets"];
  /** Facts of a body with these inputs; problems in it are reported. */
  readonly infer: (body: Subgraph, inputs: readonly ValueFacts[]) => GraphFacts;
  /** The same without reports: for a branch that is not taken, or before the loop-carried values are known. */
  readonly tryOut: (body: Subgraph, inputs: readonly ValueFacts[]) => GraphFacts;
  /** Whether another trial inference is allowed. Nested loops double the work at every level. */
  readonly mayTry: () => boolean;
}

type InferBodies = (node: GraphNode, facts: GraphFacts, bodies: Bodies) => readonly ValueFacts[];

/** The common facts of two values. */
function common(a: ValueFacts, b: ValueFacts): ValueFacts {
  const dtype = a.dtype === b.dtype ? a.dtype : undefined;
  if (a.shape?.length !== b.shape?.length || a.shape === undefined) return { dtype };
  return { dtype, shape: a.shape.map((size, axis) => (size === b.shape?.[axis] ? size : "")) };
}

function isSame({ shape: a }: ValueFacts, { shape: b }: ValueFacts): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function outputsOf(body: Subgraph, facts: GraphFacts): readonly ValueFacts[] {
  return body.outputs.map(({ name }) => facts.of(name));
}

const withoutElements = ({ dtype, shape }: ValueFacts): ValueFacts => ({ dtype, shape });

/** If the condition is known, only one branch is ever taken. */
const inferIf: InferBodies = (node, facts, bodies) => {
  const condition = facts.of(node.inputs[0] ?? "").elements?.[0];
  const taken = isNumber(condition) ? (condition === 0 ? "else_branch" : "then_branch") : undefined;
  const branches = ["then_branch", "else_branch"].flatMap((name) => {
    const body = attributeOf(node, name, "graph");
    if (body === undefined) return [];
    if (taken === undefined || taken === name) return [outputsOf(body, bodies.infer(body, []))];
    bodies.tryOut(body, []);
    return [];
  });
  const [then, otherwise] = branches;
  if (taken !== undefined) return then ?? [];
  return (then ?? []).map((value, index) => common(value, otherwise?.[index] ?? NOTHING_KNOWN));
};

/**
 * Facts of loop-carried values that are true in every iteration: those of the initial values if the body keeps their sizes, otherwise
 * weaker ones.
 */
function carriedOf(
  first: readonly ValueFacts[],
  turn: (carried: readonly ValueFacts[]) => readonly ValueFacts[],
  bodies: Bodies,
): readonly ValueFacts[] {
  let carried = first;
  while (bodies.mayTry()) {
    const results = turn(carried);
    const kept = carried.map((value, index) => common(value, results[index] ?? NOTHING_KNOWN));
    if (kept.every((value, index) => isSame(value, carried[index]!))) return carried;
    carried = kept.map(({ shape }, index) => ({ dtype: first[index]!.dtype, shape }));
  }
  return first.map(({ dtype }) => ({ dtype }));
}

const TURN: readonly ValueFacts[] = [
  { dtype: "int64", shape: [] },
  { dtype: "bool", shape: [] },
];

const inferLoop: InferBodies = (node, facts, bodies) => {
  const body = attributeOf(node, "body", "graph");
  if (body === undefined) return [];
  const first = node.inputs.slice(2).map((name) => withoutElements(facts.of(name)));
  const carried = carriedOf(
    first,
    (values) => outputsOf(body, bodies.tryOut(body, [...TURN, ...values])).slice(1),
    bodies,
  );
  const results = outputsOf(body, bodies.infer(body, [...TURN, ...carried])).slice(1);
  const turns = facts.of(node.inputs[0] ?? "").elements?.[0];
  // A condition can end the loop early. Without one, M is the number of iterations.
  const count = (node.inputs[1] ?? "") === "" && isNumber(turns) ? turns : `turns(${node.name})`;
  return results.map((value, index) => {
    const start = first[index];
    return start === undefined
      ? { dtype: value.dtype, shape: value.shape && [count, ...value.shape] }
      : common(start, value);
  });
};

/** A shape without one axis, and (below) with one more; undefined for an invalid axis. */
function withoutAxis(shape: Shape | undefined, axis: number): Shape | undefined {
  const place = shape && axisOf(axis, shape.length);
  return place === undefined ? undefined : shape?.filter((_, index) => index !== place);
}

function withAxis(shape: Shape | undefined, axis: number, size: Dimension): Shape | undefined {
  const place = shape && axisOf(axis, shape.length + 1);
  return place === undefined || shape === undefined
    ? undefined
    : [...shape.slice(0, place), size, ...shape.slice(place)];
}

/**
 * Scan iterates over one axis of each input after the loop-carried ones. In opset 8 all inputs have a leading batch axis, which the body
 * does not have, and the first input contains the sequence lengths.
 */
const inferScan: InferBodies = (node, facts, bodies) => {
  const body = attributeOf(node, "body", "graph");
  if (body === undefined) return [];
  const isBatched = (bodies.opsets[""] ?? 0) < 9;
  const scanned = attributeOf(node, "num_scan_inputs", "int") ?? 0;
  const names = isBatched ? node.inputs.slice(1) : node.inputs;
  const given = names.map((name) => withoutElements(facts.of(name)));
  const batch = given[0]?.shape?.[0] ?? "";
  const inputs = isBatched ? given.map(({ dtype, shape }) => ({ dtype, shape: shape?.slice(1) })) : given;
  const first = inputs.slice(0, Math.max(0, inputs.length - scanned));
  const axis = (list: string, index: number): number => attributeOf(node, list, "ints")?.[index] ?? 0;
  let count: Dimension = "";
  const rows = inputs.slice(first.length).map(({ dtype, shape }, index) => {
    const over = axis("scan_input_axes", index);
    const place = shape && axisOf(over, shape.length);
    if (place !== undefined) count = moreSpecific(count, shape?.[place] ?? "");
    return { dtype, shape: withoutAxis(shape, over) };
  });
  const carried = carriedOf(
    first,
    (values) => outputsOf(body, bodies.tryOut(body, [...values, ...rows])),
    bodies,
  );
  const results = outputsOf(body, bodies.infer(body, [...carried, ...rows]));
  return results.map((value, index) => {
    const start = first[index];
    const out =
      start === undefined
        ? {
            dtype: value.dtype,
            shape: withAxis(value.shape, axis("scan_output_axes", index - first.length), count),
          }
        : common(start, value);
    return isBatched ? { dtype: out.dtype, shape: out.shape && [batch, ...out.shape] } : out;
  });
};

export const CONTROL_RULES: Readonly<Record<string, InferBodies>> = {
  If: inferIf,
  Loop: inferLoop,
  Scan: inferScan,
};
