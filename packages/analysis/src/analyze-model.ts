/** Analyses one graph for one profile. */
import { SlmError } from "@slm/core";
import type { ProfileName, Target } from "@slm/devices";
import { fixSizes, type FixedSizes, type Graph, type GraphNode, type ModelOutline } from "@slm/onnx";
import { Findings, operatorName, type Counts, type Finding, type RuleName } from "./graph/finding.js";
import { profileOf } from "./profiles/profiles.js";
import type { Source } from "./profiles/profile.js";
import type { PlacedNode } from "./graph/scope.js";
import { isControlFlow, prepare, type Subject } from "./rules/subject.js";
import { isDequantize, isQuantize, partsOfUnit } from "./graph/quantized-graph.js";
import { fallsBackToCpu, supportOf } from "./rules/rule.js";
import { sizeFlags } from "./rules/size-flags.js";
import { DEVICE_CHECKS, GENERAL_CHECKS } from "./rules/table.js";

/** Note on every analysis. */
export const STATIC_CHECK = "checked statically, not run on the device";

/**
 * Where an operator is computed: `folded` by the runtime beforehand, on the `device`, on the `cpu`, `inside` control flow that the device
 * does not support, or `nowhere`. `unknown`: nothing has confirmed rules for the device.
 */
export type Place = "folded" | "device" | "unknown" | "cpu" | "inside" | "nowhere";

/** Places from best to worst. An operator gets the place of its worst use. */
const PLACES: readonly Place[] = ["folded", "device", "unknown", "inside", "cpu", "nowhere"];

/** A row of the summary. */
export function operatorRow(opType: string, count: number, where: Place): OperatorCount {
  const supported = where === "unknown" ? null : where === "folded" || where === "device";
  return { opType, count, supported, where };
}

export function worse(a: Place, b: Place): Place {
  return PLACES.indexOf(a) > PLACES.indexOf(b) ? a : b;
}

export interface OperatorCount {
  readonly opType: string;
  readonly count: number;
  /** Whether the device supports all uses, or all are folded. Null: not known. */
  readonly supported: boolean | null;
  readonly where: Place;
}

/** Where a node is computed, and the rules that exclude it from the device. */
export interface NodePlace {
  readonly name: string;
  readonly opType: string;
  readonly where: Place;
  readonly rules: readonly RuleName[];
}

export interface AnalysisSummary {
  readonly operators: readonly OperatorCount[];
  readonly nodes: number;
  readonly findings: Counts;
  /** Number of findings that are not listed, for each rule. */
  readonly unlisted: Readonly<Record<string, number>>;
}

export interface ModelDescription {
  readonly name: string;
  readonly producer: string;
  readonly irVersion: number;
  readonly opsets: Readonly<Record<string, number>>;
  /** Flags that fix the symbolic sizes of its inputs, with `N` for each number to choose. */
  readonly openSizes: readonly string[];
}

export interface ModelAnalysis {
  /** False if there is a finding of severity error. Null: there is none, but nothing has confirmed rules for the device. */
  readonly supported: boolean | null;
  readonly findings: readonly Finding[];
  readonly summary: AnalysisSummary;
  /** Every node of the file, subgraphs included. */
  readonly nodes: readonly NodePlace[];
  readonly profile: ProfileName;
  readonly target: Target;
  readonly method: typeof STATIC_CHECK;
  /** Sources of the rules. */
  readonly sources: readonly Source[];
  /** The program, with version, that confirmed the rules. Null: none did, so there are no rules of this device. */
  readonly confirmedBy: string | null;
  readonly model: ModelDescription;
}

export interface AnalyzeOptions {
  readonly target: Target;
  /** Default: the target's default profile. */
  readonly profile?: ProfileName | undefined;
  /** Sizes for the symbolic sizes of the file. */
  readonly sizes?: readonly FixedSizes[] | undefined;
}

function countOperators(nodes: readonly NodePlace[]): readonly OperatorCount[] {
  const counts = new Map<string, { count: number; where: Place }>();
  for (const { opType, where } of nodes) {
    const known = counts.get(opType);
    counts.set(opType, { count: (known?.count ?? 0) + 1, where: known ? worse(known.where, where) : where });
  }
  return sortRows([...counts].map(([opType, { count, where }]) => operatorRow(opType, count, where)));
}

/** Most frequent first. */
export function sortRows(rows: readonly OperatorCount[]): readonly OperatorCount[] {
  return [...rows].sort((a, b) => b.count - a.count || (a.opType < b.opType ? -1 : 1));
}

/** The place of a node according to rules about only this node. */
function ownPlace(subject: Subject, placed: PlacedNode, findings: Findings): Place {
  const { profile } = subject;
  const isRefused = findings.refusalsOf(placed.node).length > 0;
  if (profile.confirmedBy === null) return isRefused ? "nowhere" : "unknown";
  if (profile.controlFlow === "forbidden" && isControlFlow(placed.node)) return "nowhere";
  if (!isRefused && supportOf(subject, placed) !== undefined) return "device";
  return fallsBackToCpu(subject, placed) ? "cpu" : "nowhere";
}

/**
 * Q and DQ that would form a separate partition, which providers leave to the CPU. Nodes are in one partition if the data switches equally
 * often from other nodes to the device before it reaches them. Q and DQ only between other nodes, and scalars that only the CPU reads, also
 * stay on the CPU.
 */
function lonely(subject: Subject, places: ReadonlyMap<GraphNode, Place>): readonly PlacedNode[] {
  const levels = new Map<GraphNode, number>();
  const partitions = new Map<number, PlacedNode[]>();
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const isTaken = places.get(node) === "device";
    const before = node.inputs.map((value) => {
      const producer = scope.index.producerOf(value)?.node;
      if (producer === undefined) return 0;
      const step = isTaken && (places.get(producer) ?? "device") !== "device" ? 1 : 0;
      return (levels.get(producer) ?? 0) + step;
    });
    const level = Math.max(0, ...before);
    levels.set(node, level);
    if (isTaken) partitions.set(level, [...(partitions.get(level) ?? []), placed]);
  }
  const alone = [...partitions.values()].flatMap((nodes) => (nodes.length === 1 ? nodes : []));
  const behind = subject.nodes.filter(
    (placed) => (levels.get(placed.node) ?? 0) > 0 && !hasNeighbour(placed, places),
  );
  const scalars = subject.nodes.filter((placed) => isBareScalar(placed, places));
  return [...alone, ...behind, ...scalars].filter(({ node }) => isQuantize(node) || isDequantize(node));
}

/** Whether a node on the device computes an input of this node or reads an output. */
function hasNeighbour({ node, scope }: PlacedNode, places: ReadonlyMap<GraphNode, Place>): boolean {
  const before = node.inputs.map((value) => scope.index.producerOf(value)?.node);
  const after = node.outputs.flatMap((value) => scope.index.usesOf(value).map((use) => use.node));
  return [...before, ...after].some((other) => other !== undefined && places.get(other) === "device");
}

/** Whether a node computes a scalar that no node on the device reads. */
function isBareScalar({ node, scope }: PlacedNode, places: ReadonlyMap<GraphNode, Place>): boolean {
  const [value = ""] = node.outputs;
  if (scope.of(value).shape?.length !== 0 || scope.index.isOutput(value)) return false;
  return scope.index.usesOf(value).every((use) => (places.get(use.node) ?? "device") !== "device");
}

/** A quantized operator and the Q and DQ around it are one unit: the device computes all of it or nothing. */
function placeNodes(subject: Subject, findings: Findings): readonly NodePlace[] {
  const places = new Map(
    subject.nodes.map((placed) => [placed.node, ownPlace(subject, placed, findings)] as const),
  );
  for (const placed of subject.nodes) {
    const unit = [placed.node, ...partsOfUnit(subject.profile, placed)];
    const where = unit.map((node) => places.get(node) ?? "folded").reduce(worse);
    for (const node of unit) if (places.has(node)) places.set(node, where);
  }
  for (const placed of subject.profile.quantization === undefined ? [] : lonely(subject, places))
    places.set(placed.node, fallsBackToCpu(subject, placed) ? "cpu" : "nowhere");
  const folded = new Set(subject.folded);
  return subject.all.map((placed) => ({
    name: placed.node.name,
    opType: operatorName(placed.node),
    where: places.get(placed.node) ?? (folded.has(placed) ? "folded" : "inside"),
    rules: findings.refusalsOf(placed.node),
  }));
}

/** A graph as an outline. */
function outlineOf(model: Graph | ModelOutline): ModelOutline {
  return "omitted" in model ? model : { ...model, producer: "", omitted: [] };
}

/**
 * Checks a model against the rules of a target's profile, without running it on the device. A finding is a violated rule, or an unknown
 * fact that a rule needs.
 *
 * @throws SlmError USAGE if the target does not have the profile, or the model does not have the sizes.
 */
export function analyzeModel(model: Graph | ModelOutline, options: AnalyzeOptions): ModelAnalysis {
  const profile = profileOf(options.target, options.profile);
  const outline = fixSizes(outlineOf(model), options.sizes ?? []);
  const subject = prepare(outline, profile);
  if (subject.all.length === 0 && outline.outputs.length === 0)
    throw new SlmError("DATA_INVALID", "analyze: the model has no nodes or outputs");
  const findings = new Findings();
  for (const check of GENERAL_CHECKS) check(subject, findings);
  if (profile.confirmedBy !== null) for (const check of DEVICE_CHECKS) check(subject, findings);
  const { irVersion, opsets, producer, name } = outline;
  const nodes = placeNodes(subject, findings);
  return {
    supported: findings.counts.error > 0 ? false : profile.confirmedBy === null ? null : true,
    findings: findings.list(),
    summary: {
      operators: countOperators(nodes),
      nodes: nodes.length,
      findings: findings.counts,
      unlisted: findings.left,
    },
    nodes,
    profile: profile.name,
    target: options.target,
    method: STATIC_CHECK,
    sources: profile.sources,
    confirmedBy: profile.confirmedBy,
    model: { name, producer, irVersion, opsets, openSizes: sizeFlags(outline) },
  };
}
