/**
 * Shapes of all values of a model: from its declared types and from what its operators do to shapes. Where a file's
 * own notes and the operators disagree, the operators are right and the disagreement is reported.
 */
import {
  attributeOf,
  shorten,
  type GraphNode,
  type ModelOutline,
  type Subgraph,
  type UntypedValue,
} from "@slm/graph";
import { factsOfTensor } from "./constants.js";
import { InferContext } from "./context.js";
import {
  areDifferent,
  axisOf,
  isNumber,
  MAX_RANK,
  moreSpecific,
  NOTHING_KNOWN,
  type Dimension,
  type Shape,
  type ValueFacts,
} from "./facts.js";
import { inferRuleOf } from "./table.js";

export interface ShapeProblem {
  readonly node: GraphNode;
  /** `misfit`: no runtime could run the node. `contradiction`: the file's own notes about its outputs are wrong. */
  readonly kind: "misfit" | "contradiction";
  readonly message: string;
}

/** What is known of the values of one graph or subgraph. */
export class GraphFacts {
  readonly #facts = new Map<string, ValueFacts>();
  readonly #bodies = new Map<Subgraph, GraphFacts>();
  readonly #outer: GraphFacts | undefined;

  constructor(outer?: GraphFacts) {
    this.#outer = outer;
  }

  /** Facts of a value of this graph or one around it. */
  of(value: string): ValueFacts {
    return this.#facts.get(value) ?? this.#outer?.of(value) ?? NOTHING_KNOWN;
  }

  /** Facts of a body of one of this graph's nodes. */
  bodyFacts(body: Subgraph): GraphFacts | undefined {
    return this.#bodies.get(body);
  }

  set(value: string, facts: ValueFacts): void {
    this.#facts.set(value, facts);
  }

  addBody(body: Subgraph, facts: GraphFacts): void {
    this.#bodies.set(body, facts);
  }

  /** Every value of this graph itself, bodies not counted. */
  entries(): IterableIterator<[string, ValueFacts]> {
    return this.#facts.entries();
  }
}

export interface InferredModel {
  readonly facts: GraphFacts;
  /** Nodes whose inputs cannot fit, and types in the file that the operators contradict. */
  readonly problems: readonly ShapeProblem[];
}

const MAX_PROBLEMS = 200;

interface Run {
  readonly opsets: ModelOutline["opsets"];
  readonly problem: (node: GraphNode, kind: ShapeProblem["kind"], message: string) => void;
}

/** A size as a rule gave it, or unknown where no tensor could have it. */
function sane(size: Dimension): Dimension {
  return isNumber(size) && (!Number.isSafeInteger(size) || size < 0) ? "" : size;
}

function merge(
  inferred: ValueFacts,
  declared: UntypedValue | undefined,
  clash: (text: string) => void,
): ValueFacts {
  // A rank no runtime has would make every shape after it as long.
  const shape = (inferred.shape?.length ?? 0) > MAX_RANK ? undefined : inferred.shape?.map(sane);
  const facts = { ...inferred, shape };
  if (declared === undefined) return facts;
  const dtype = facts.dtype ?? declared.dtype;
  if (facts.dtype !== undefined && declared.dtype !== undefined && facts.dtype !== declared.dtype)
    clash(`'${shorten(declared.name)}' is ${facts.dtype}, the file says ${declared.dtype}`);
  if (declared.shape === undefined || shape === undefined)
    return { ...facts, dtype, shape: shape ?? declared.shape };
  const { shape: told } = declared;
  if (told.length !== shape.length || told.some((size, axis) => areDifferent(size, shape[axis]!))) {
    clash(`'${shorten(declared.name)}' is [${shape.join(",")}], the file says [${told.join(",")}]`);
    return { ...facts, dtype };
  }
  return { ...facts, dtype, shape: shape.map((size, axis) => moreSpecific(size, told[axis]!)) };
}

/** Bodies of an `If` agree on what both know. */
function common(a: ValueFacts, b: ValueFacts): ValueFacts {
  const dtype = a.dtype === b.dtype ? a.dtype : undefined;
  if (a.shape?.length !== b.shape?.length || a.shape === undefined) return { dtype };
  return { dtype, shape: a.shape.map((size, axis) => (size === b.shape?.[axis] ? size : "")) };
}

function outputsOf(body: Subgraph, facts: GraphFacts): readonly ValueFacts[] {
  return body.outputs.map(({ name }) => facts.of(name));
}

const withoutElements = ({ dtype, shape }: ValueFacts): ValueFacts => ({ dtype, shape });

function inferIf(node: GraphNode, facts: GraphFacts, run: Run): readonly ValueFacts[] {
  const branches = ["then_branch", "else_branch"]
    .map((name) => attributeOf(node, name, "graph"))
    .filter((body) => body !== undefined)
    .map((body) => outputsOf(body, inferBody(body, [], facts, run)));
  const [then, otherwise] = branches;
  return (then ?? []).map((value, index) => common(value, otherwise?.[index] ?? NOTHING_KNOWN));
}

/** What a loop carries may change its shape from turn to turn: only what first value and body agree on is kept. */
function inferLoop(node: GraphNode, facts: GraphFacts, run: Run): readonly ValueFacts[] {
  const body = attributeOf(node, "body", "graph");
  if (body === undefined) return [];
  const carried = node.inputs.slice(2).map((name) => withoutElements(facts.of(name)));
  const turn = [{ dtype: "int64", shape: [] } as const, { dtype: "bool", shape: [] } as const, ...carried];
  const results = outputsOf(body, inferBody(body, turn, facts, run)).slice(1);
  const turns = facts.of(node.inputs[0] ?? "").elements?.[0];
  // A condition may end the loop early; without one, M says how often it turns.
  const count = (node.inputs[1] ?? "") === "" && isNumber(turns) ? turns : `turns(${node.name})`;
  return results.map((value, index) => {
    const start = carried[index];
    return start === undefined
      ? { dtype: value.dtype, shape: value.shape && [count, ...value.shape] }
      : common(start, value);
  });
}

/** A shape without one axis, and with one more; undefined where the axis is none of it. */
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
 * Scans go over one axis of each input behind the carried ones. In opset 8 all of them have a batch axis before the others,
 * which the body does not see, and lengths of the rows come first.
 */
function inferScan(node: GraphNode, facts: GraphFacts, run: Run): readonly ValueFacts[] {
  const body = attributeOf(node, "body", "graph");
  if (body === undefined) return [];
  const isBatched = (run.opsets[""] ?? 0) < 9;
  const scanned = attributeOf(node, "num_scan_inputs", "int") ?? 0;
  const names = isBatched ? node.inputs.slice(1) : node.inputs;
  const given = names.map((name) => withoutElements(facts.of(name)));
  const batch = given[0]?.shape?.[0] ?? "";
  const inputs = isBatched ? given.map(({ dtype, shape }) => ({ dtype, shape: shape?.slice(1) })) : given;
  const carried = inputs.slice(0, Math.max(0, inputs.length - scanned));
  const axis = (list: string, index: number): number => attributeOf(node, list, "ints")?.[index] ?? 0;
  let count: Dimension = "";
  const rows = inputs.slice(carried.length).map(({ dtype, shape }, index) => {
    const over = axis("scan_input_axes", index);
    const place = shape && axisOf(over, shape.length);
    if (place !== undefined) count = moreSpecific(count, shape?.[place] ?? "");
    return { dtype, shape: withoutAxis(shape, over) };
  });
  const results = outputsOf(body, inferBody(body, [...carried, ...rows], facts, run));
  return results.map((value, index) => {
    const start = carried[index];
    const out =
      start === undefined
        ? {
            dtype: value.dtype,
            shape: withAxis(value.shape, axis("scan_output_axes", index - carried.length), count),
          }
        : common(start, value);
    return isBatched ? { dtype: out.dtype, shape: out.shape && [batch, ...out.shape] } : out;
  });
}

type InferBodies = (node: GraphNode, facts: GraphFacts, run: Run) => readonly ValueFacts[];

const CONTROL: Readonly<Record<string, InferBodies>> = { If: inferIf, Loop: inferLoop, Scan: inferScan };

function inferNode(node: GraphNode, facts: GraphFacts, run: Run): readonly ValueFacts[] {
  const control =
    node.domain === "" && Object.hasOwn(CONTROL, node.opType) ? CONTROL[node.opType] : undefined;
  if (control !== undefined) return control(node, facts, run);
  const rule = inferRuleOf(node.domain, node.opType);
  if (rule === undefined) return [];
  const inputs = node.inputs.map((name) => facts.of(name));
  const context = new InferContext(node, run.opsets[node.domain] ?? 1, inputs, (message) => {
    run.problem(node, "misfit", message);
  });
  return rule(context);
}

/** Declared types by name; a graph's outputs are among them. */
function declarationsOf(graph: Subgraph): ReadonlyMap<string, UntypedValue> {
  const all = new Map<string, UntypedValue>(graph.values);
  for (const value of graph.outputs)
    if (value.shape !== undefined || !all.has(value.name)) all.set(value.name, value);
  return all;
}

function inferInto(graph: Subgraph, facts: GraphFacts, run: Run): void {
  const declared = declarationsOf(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const initializer of graph.initializers.values()) {
    const { name, dtype, shape, unread } = initializer;
    if (inputs.has(name)) continue; // Only a default value: a caller may give another.
    facts.set(name, unread === true ? { dtype, shape } : factsOfTensor(initializer));
  }
  for (const node of graph.nodes) {
    const outputs = inferNode(node, facts, run);
    node.outputs.forEach((name, index) => {
      if (name === "") return;
      const clash = (message: string): void => {
        run.problem(node, "contradiction", message);
      };
      facts.set(name, merge(outputs[index] ?? NOTHING_KNOWN, declared.get(name), clash));
    });
  }
}

function inferBody(body: Subgraph, inputs: readonly ValueFacts[], outer: GraphFacts, run: Run): GraphFacts {
  const facts = new GraphFacts(outer);
  body.inputs.forEach((declared, index) => {
    const given = inputs[index] ?? NOTHING_KNOWN;
    const shape: Shape | undefined = given.shape ?? declared.shape;
    facts.set(declared.name, { dtype: given.dtype ?? declared.dtype, shape });
  });
  inferInto(body, facts, run);
  outer.addBody(body, facts);
  return facts;
}

/**
 * Infers what can be known of every value of a model. Never throws for a model that was read: what does not fit is in
 * `problems`.
 */
export function inferShapes(model: ModelOutline): InferredModel {
  const problems: ShapeProblem[] = [];
  const run: Run = {
    opsets: model.opsets,
    problem: (node, kind, message) => {
      if (problems.length < MAX_PROBLEMS) problems.push({ node, kind, message });
    },
  };
  const facts = new GraphFacts();
  for (const { name, dtype, shape } of model.inputs) facts.set(name, { dtype, shape });
  inferInto(model, facts, run);
  return { facts, problems };
}
