/** A model prepared for the rules: every node with the known facts about its values. */
import { shorten, type GraphNode, type ModelOutline, type Subgraph } from "@slm/onnx";
import type { Profile } from "../profiles/profile.js";
import { inferShapes, type InferredModel } from "../shapes/infer.js";
import { isRemoved, Scope, type PlacedNode } from "../graph/scope.js";

export interface Subject {
  readonly model: ModelOutline;
  readonly profile: Profile;
  readonly inferred: InferredModel;
  readonly main: Scope;
  /** Nodes that the device must run, including nodes in subgraphs if it supports them. */
  readonly nodes: readonly PlacedNode[];
  /** Nodes that are folded or removed beforehand, including nodes in branches that are never taken. */
  readonly folded: readonly PlacedNode[];
  /** All nodes of the file, subgraphs included. */
  readonly all: readonly PlacedNode[];
}

/** ONNX operators with subgraphs. */
export const CONTROL_FLOW: ReadonlySet<string> = new Set(["If", "Loop", "Scan", "SequenceMap"]);

export function isControlFlow({ domain, opType }: GraphNode): boolean {
  return domain === "" && CONTROL_FLOW.has(opType);
}

/**
 * Location of a node: in the `main` graph, in a `body` (a subgraph whose execution depends on the data), or in a branch that is
 * `never` taken. A branch that is always taken belongs to the surrounding graph, because runtimes inline it.
 */
type Level = "main" | "body" | "never";

/** The branch of an `If` whose condition is the same in every run. */
function takenBranch(node: GraphNode, scope: Scope): string | undefined {
  const condition = node.inputs[0] ?? "";
  if (node.domain !== "" || node.opType !== "If" || !scope.isKnown(condition)) return undefined;
  const value = scope.of(condition).elements?.[0] ?? scope.numbersOf(condition)?.[0];
  if (typeof value !== "number") return undefined;
  return value === 0 ? "else_branch" : "then_branch";
}

function place(
  graph: Subgraph,
  { scope, path, level }: { readonly scope: Scope; readonly path: string; readonly level: Level },
  visit: (placed: PlacedNode, level: Level) => void,
): void {
  graph.nodes.forEach((node, index) => {
    const own = node.name === "" ? `#${index}` : shorten(node.name);
    const name = path === "" ? own : `${path} > ${own}`;
    const taken = takenBranch(node, scope);
    visit({ node, name, scope }, taken === undefined ? level : "never");
    const levelOf = (attribute: string): Level => {
      if (level === "never" || taken === undefined) return level === "never" ? "never" : "body";
      return attribute === taken ? level : "never";
    };
    for (const [attribute, value] of Object.entries(node.attributes)) {
      const facts = value.kind === "graph" ? scope.facts.bodyFacts(value.value) : undefined;
      if (value.kind !== "graph" || facts === undefined) continue;
      const inside = { scope: new Scope(value.value, facts, scope), path: name, level: levelOf(attribute) };
      place(value.value, inside, visit);
    }
  });
}

/** Infers shapes and collects the nodes of a model for the rules. */
export function prepare(model: ModelOutline, profile: Profile): Subject {
  const inferred = inferShapes(model);
  const main = new Scope(model, inferred.facts);
  const nodes: PlacedNode[] = [];
  const folded: PlacedNode[] = [];
  const all: PlacedNode[] = [];
  place(model, { scope: main, path: "", level: "main" }, (placed, level) => {
    all.push(placed);
    const isGone = level === "never" || placed.scope.folded.has(placed.node) || isRemoved(placed);
    if (isGone) folded.push(placed);
    else if (level === "main" || profile.controlFlow === "allowed") nodes.push(placed);
  });
  return { model, profile, inferred, main, nodes, folded, all };
}
