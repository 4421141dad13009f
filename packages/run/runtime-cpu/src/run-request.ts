/** Checks a run against what the graph declares, and replaces names by positions and tensors by ids. */
import { SlmError } from "@slm/error";
import { type DeviceTensor, type HostTensor, type RunRequest, createHostTensor } from "@slm/runtime";
import type { GraphSignature, PositionalRun, ValueSignature } from "./protocol.js";

type Value = HostTensor | DeviceTensor;

/** A loaded graph's names, positions and declared types, ready for checking many runs. */
export interface CheckedGraph {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, number>;
  readonly outputs: ReadonlyMap<string, number>;
  readonly signature: GraphSignature;
}

export function checkedGraph(name: string, signature: GraphSignature): CheckedGraph {
  const positions = (values: readonly ValueSignature[]): Map<string, number> =>
    new Map(values.map((value, at) => [value.name, at]));
  return { name, signature, inputs: positions(signature.inputs), outputs: positions(signature.outputs) };
}

/** What the positional form needs besides the request. */
export interface RunEncoding {
  readonly session: number;
  readonly handOver: (tensor: HostTensor) => HostTensor;
  readonly nextId: () => number;
}

/**
 * @throws SlmError SHAPE_MISMATCH naming the missing, unknown or unfitting input or output.
 */
export function encodeRun(graph: CheckedGraph, request: RunRequest, encoding: RunEncoding): PositionalRun {
  const { fetch = [], keep = [], into = {} } = request;
  const feeds = encodeFeeds(graph, request.feeds, encoding.handOver);
  const intoEntries = Object.entries(into);
  const fetchPositions = fetch.map((name) => outputPosition(graph, name));
  const keepPositions = keep.map((name) => outputPosition(graph, name));
  const intoPositions = intoEntries.map(([name, tensor]) => {
    const position = outputPosition(graph, name);
    checkValue(graph, "output", graph.signature.outputs[position]!, tensor);
    return position;
  });
  const intoIds = intoEntries.map(([, tensor]) => tensor.id);
  refuseRepeats(graph, "fetches an output twice", fetchPositions);
  refuseRepeats(graph, "keeps an output twice", [...keepPositions, ...intoPositions]);
  refuseRepeats(graph, "writes two outputs into one tensor", intoIds);
  if (fetchPositions.length + keepPositions.length + intoPositions.length === 0) {
    throw mismatch(graph, `asks for no output; there are ${list(graph.outputs)}`);
  }
  return {
    session: encoding.session,
    feeds,
    fetch: fetchPositions,
    keep: keepPositions,
    keepIds: keepPositions.map(() => encoding.nextId()),
    into: intoPositions,
    intoIds,
  };
}

function encodeFeeds(
  graph: CheckedGraph,
  feeds: RunRequest["feeds"],
  handOver: RunEncoding["handOver"],
): (number | HostTensor)[] {
  const unknown = Object.keys(feeds).filter((name) => !graph.inputs.has(name));
  const missing = [...graph.inputs.keys()].filter((name) => !Object.hasOwn(feeds, name));
  if (unknown.length > 0 || missing.length > 0) {
    const problems = [
      ...(missing.length > 0 ? [`is missing ${missing.join(", ")}`] : []),
      ...(unknown.length > 0 ? [`has unknown ${unknown.join(", ")}`] : []),
    ];
    throw mismatch(graph, `feeds: ${problems.join(" and ")}; the inputs are ${list(graph.inputs)}`);
  }
  return graph.signature.inputs.map((input) => {
    const value = feeds[input.name]!;
    checkValue(graph, "input", input, value);
    if ("id" in value) return value.id;
    return handOver(createHostTensor(value.dtype, value.shape, value.data));
  });
}

function outputPosition(graph: CheckedGraph, name: string): number {
  const position = graph.outputs.get(name);
  if (position === undefined) {
    throw mismatch(graph, `has no output '${name}'; the outputs are ${list(graph.outputs)}`);
  }
  return position;
}

function checkValue(
  graph: CheckedGraph,
  role: "input" | "output",
  declared: ValueSignature,
  value: Value,
): void {
  const fits =
    value.dtype === declared.dtype &&
    value.shape.length === declared.shape.length &&
    declared.shape.every((size, axis) => typeof size === "string" || size === value.shape[axis]);
  if (!fits) {
    throw mismatch(
      graph,
      `${role} '${declared.name}' is ${declared.dtype}[${declared.shape.map((size) => (size === "" ? "?" : size)).join(",")}], ` +
        `got ${value.dtype}[${value.shape.join(",")}]`,
    );
  }
}

function refuseRepeats(graph: CheckedGraph, what: string, values: readonly number[]): void {
  if (new Set(values).size !== values.length) throw mismatch(graph, what);
}

function mismatch(graph: CheckedGraph, problem: string): SlmError {
  return new SlmError("SHAPE_MISMATCH", `runtime-cpu: run of graph '${graph.name}' ${problem}`, {
    context: { graph: graph.name },
  });
}

function list(names: ReadonlyMap<string, number>): string {
  return [...names.keys()].join(", ") || "none";
}
