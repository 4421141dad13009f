/**
 * Shape inference of a whole model, from its declared types and the rules of its operators. If declared types
 * contradict the operators, the operators win and the contradiction is reported.
 */
import {
  isSymbol,
  shorten,
  type GraphNode,
  type ModelOutline,
  type Subgraph,
  type UntypedValue,
} from "@slm/onnx";
import { factsOfTensor } from "./constants.js";
import { InferContext } from "./context.js";
import { CONTROL_RULES, type Bodies } from "./control-flow.js";
import {
  areDifferent,
  isNumber,
  MAX_RANK,
  moreSpecific,
  NOTHING_KNOWN,
  type Dimension,
  type Shape,
  type ValueFacts,
} from "./facts.js";
import { GraphFacts } from "./graph-facts.js";
import { inferRuleOf } from "./table.js";

interface ShapeProblem {
  readonly node: GraphNode;
  /** `misfit`: no runtime can run the node. `contradiction`: the declared types of its outputs are wrong. */
  readonly kind: "misfit" | "contradiction";
  readonly message: string;
}

export interface InferredModel {
  readonly facts: GraphFacts;
  /** Nodes with inconsistent inputs, and declared types that the operators contradict. */
  readonly problems: readonly ShapeProblem[];
}

const MAX_PROBLEMS = 200;

/** Maximum number of trial inferences of loop bodies in one model. */
const MAX_TRIES = 64;

interface Run {
  readonly opsets: ModelOutline["opsets"];
  readonly problem: (node: GraphNode, kind: ShapeProblem["kind"], message: string) => void;
  readonly tries: { left: number };
}

const isUnknown = (size: Dimension): boolean => !isNumber(size) && !isSymbol(size);

/** A declared type; unnamed sizes are unknown. */
function plain(value: UntypedValue): UntypedValue {
  const { shape } = value;
  return shape === undefined
    ? value
    : { ...value, shape: shape.map((size) => (isUnknown(size) ? "" : size)) };
}

/** A size from a rule; unknown if it is impossible for a tensor. */
function sane(size: Dimension): Dimension {
  return isNumber(size) && (!Number.isSafeInteger(size) || size < 0) ? "" : size;
}

const sizesText = (shape: Shape): string => `[${shape.map((size) => (size === "" ? "?" : size)).join(",")}]`;

function merge(
  inferred: ValueFacts,
  declared: UntypedValue | undefined,
  clash: (text: string) => void,
): ValueFacts {
  // A rank above every runtime's limit would make all later shapes as long.
  const shape = (inferred.shape?.length ?? 0) > MAX_RANK ? undefined : inferred.shape?.map(sane);
  const facts = { ...inferred, shape };
  if (declared === undefined) return facts;
  const dtype = facts.dtype ?? declared.dtype;
  if (facts.dtype !== undefined && declared.dtype !== undefined && facts.dtype !== declared.dtype)
    clash(`'${shorten(declared.name)}' is ${facts.dtype}, the file declares ${declared.dtype}`);
  if (declared.shape === undefined || shape === undefined)
    return { ...facts, dtype, shape: shape ?? declared.shape };
  const { shape: told } = declared;
  if (told.length !== shape.length || told.some((size, axis) => areDifferent(size, shape[axis]!))) {
    clash(`'${shorten(declared.name)}' is ${sizesText(shape)}, the file declares ${sizesText(told)}`);
    return { ...facts, dtype };
  }
  return { ...facts, dtype, shape: shape.map((size, axis) => moreSpecific(size, told[axis]!)) };
}

function bodiesOf(outer: GraphFacts, run: Run): Bodies {
  const silent: Run = { ...run, problem: () => undefined };
  return {
    opsets: run.opsets,
    infer: (body, inputs) => inferBody(body, inputs, outer, run),
    tryOut: (body, inputs) => inferBody(body, inputs, outer, silent),
    mayTry: () => {
      run.tries.left -= 1;
      return run.tries.left >= 0;
    },
  };
}

function inferNode(node: GraphNode, facts: GraphFacts, run: Run): readonly ValueFacts[] {
  const isControl = node.domain === "" && Object.hasOwn(CONTROL_RULES, node.opType);
  const control = isControl ? CONTROL_RULES[node.opType] : undefined;
  if (control !== undefined) return control(node, facts, bodiesOf(facts, run));
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
  const all = new Map([...(graph.values ?? [])].map(([name, value]) => [name, plain(value)]));
  for (const value of graph.outputs)
    if (value.shape !== undefined || !all.has(value.name)) all.set(value.name, plain(value));
  return all;
}

function inferInto(graph: Subgraph, facts: GraphFacts, run: Run): void {
  const declared = declarationsOf(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const initializer of graph.initializers.values()) {
    const { name, dtype, shape, unread } = initializer;
    if (inputs.has(name)) continue; // Only a default value, which callers can override.
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
    const shape: Shape | undefined = given.shape ?? plain(declared).shape;
    facts.set(declared.name, { dtype: given.dtype ?? declared.dtype, shape });
  });
  inferInto(body, facts, run);
  outer.addBody(body, facts);
  return facts;
}

/**
 * Infers the facts about every value of a model. Never throws for a model that was read; inconsistencies are in
 * `problems`.
 */
export function inferShapes(model: ModelOutline): InferredModel {
  const problems: ShapeProblem[] = [];
  const run: Run = {
    opsets: model.opsets,
    problem: (node, kind, message) => {
      if (problems.length < MAX_PROBLEMS) problems.push({ node, kind, message });
    },
    tries: { left: MAX_TRIES },
  };
  const facts = new GraphFacts();
  for (const { name, dtype, shape } of model.inputs) {
    // An unknown size gets a symbol, so that sizes derived from it can be tracked.
    const sizes = shape?.map((size, axis) => (isUnknown(size) ? `${shorten(name)}[${axis}]` : size));
    facts.set(name, { dtype, shape: sizes });
  }
  inferInto(model, facts, run);
  return { facts, problems };
}
