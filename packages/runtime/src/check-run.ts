/** Checks a run against the graph's declared inputs and outputs, and replaces names by positions. Every runtime uses it. */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "./tensors/host-tensor.js";
import type { DeviceTensor, RunRequest } from "./runtime.js";

/** A declared graph input or output. A size is a number if it is fixed, or a symbol ("" if unnamed). */
export interface ValueSignature {
  readonly name: string;
  /** ONNX Runtime's name of the element type, or "non-tensor" for sequences and maps. */
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

export interface GraphSignature {
  readonly inputs: readonly ValueSignature[];
  readonly outputs: readonly ValueSignature[];
}

/** A loaded graph's names, positions and declared types, ready for checking many runs. */
export interface CheckedGraph {
  /** Package that runs the graph, for messages. */
  readonly runtime: string;
  readonly name: string;
  readonly inputs: ReadonlyMap<string, number>;
  readonly outputs: ReadonlyMap<string, number>;
  readonly signature: GraphSignature;
}

export function checkedGraph(runtime: string, name: string, signature: GraphSignature): CheckedGraph {
  const positions = (values: readonly ValueSignature[]): Map<string, number> =>
    new Map(values.map((value, at) => [value.name, at]));
  return {
    runtime,
    name,
    signature,
    inputs: positions(signature.inputs),
    outputs: positions(signature.outputs),
  };
}

/** A checked run, with positions in place of names. */
interface CheckedRun {
  /** One per input, in the graph's order. */
  readonly feeds: readonly (HostTensor | DeviceTensor)[];
  readonly fetch: readonly number[];
  readonly keep: readonly number[];
  readonly into: readonly number[];
  readonly intoIds: readonly number[];
  readonly append: CheckedAppend;
}

/** Positions of outputs that are appended, and the ids of their caches. */
export interface CheckedAppend {
  readonly at: readonly number[];
  readonly outputs: readonly number[];
  readonly ids: readonly number[];
}

/**
 * Checks the names, dtypes, ranks and fixed sizes of a run.
 *
 * @throws SlmError SHAPE_MISMATCH with the missing, unknown or mismatched input or output.
 */
export function checkRun(graph: CheckedGraph, request: RunRequest): CheckedRun {
  const { fetch = [], keep = [], into = {}, append = { at: [], outputs: {} } } = request;
  const feeds = checkFeeds(graph, request.feeds);
  const intoEntries = Object.entries(into);
  const fetchPositions = fetch.map((name) => outputPosition(graph, name));
  const keepPositions = keep.map((name) => outputPosition(graph, name));
  const intoPositions = intoEntries.map(([name, tensor]) => {
    const position = outputPosition(graph, name);
    checkValue(graph, "output", graph.signature.outputs[position]!, tensor);
    return position;
  });
  const intoIds = intoEntries.map(([, tensor]) => tensor.id);
  const appended = Object.keys(append.outputs).map((name) => outputPosition(graph, name));
  const cacheIds = Object.values(append.outputs).map((tensor) => tensor.id);
  rejectRepeats(graph, "fetches an output twice", fetchPositions);
  rejectRepeats(graph, "keeps an output twice", [...keepPositions, ...intoPositions, ...appended]);
  rejectRepeats(graph, "writes two outputs into one tensor", [...intoIds, ...cacheIds]);
  if (fetchPositions.length + keepPositions.length + intoPositions.length + appended.length === 0) {
    throw mismatch(graph, `requests no output; the outputs are ${list(graph.outputs)}`);
  }
  return {
    feeds,
    fetch: fetchPositions,
    keep: keepPositions,
    into: intoPositions,
    intoIds,
    append: { at: append.at, outputs: appended, ids: cacheIds },
  };
}

function checkFeeds(graph: CheckedGraph, feeds: RunRequest["feeds"]): (HostTensor | DeviceTensor)[] {
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
    return "id" in value ? value : createHostTensor(value.dtype, value.shape, value.data);
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
  value: HostTensor | DeviceTensor,
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

function rejectRepeats(graph: CheckedGraph, what: string, values: readonly number[]): void {
  if (new Set(values).size !== values.length) throw mismatch(graph, what);
}

function mismatch(graph: CheckedGraph, problem: string): SlmError {
  return new SlmError("SHAPE_MISMATCH", `${graph.runtime}: run of graph '${graph.name}' ${problem}`, {
    context: { graph: graph.name },
  });
}

function list(names: ReadonlyMap<string, number>): string {
  return [...names.keys()].join(", ") || "none";
}

/**
 * Whether `rows` reorders axis 0 of a tensor.
 *
 * @throws SlmError SHAPE_MISMATCH unless `rows` has one valid row index for each row.
 */
export function checkRows(runtime: string, { dtype, shape }: DeviceTensor, rows: readonly number[]): void {
  const count = shape[0] ?? 0;
  if (rows.length === count && rows.every((row) => Number.isInteger(row) && row >= 0 && row < count)) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${runtime}: permuteRows of ${dtype}[${shape.join(",")}] needs ${String(count)} row numbers ` +
      `below ${String(count)}, got [${rows.join(",")}]`,
  );
}

/** @throws SlmError SHAPE_MISMATCH if a tensor cannot overwrite the target. */
export function checkWrite(runtime: string, target: DeviceTensor, source: HostTensor): void {
  if (source.dtype === target.dtype && source.shape.join() === target.shape.join()) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${runtime}: write to ${target.dtype}[${target.shape.join(",")}] got ${source.dtype}[${source.shape.join(",")}]`,
  );
}

let lastId = 0;

/** Tensor ids are unique in the process, so a tensor of one runtime is unknown to all others. */
export function nextTensorId(): number {
  return ++lastId;
}

/** @param id id of a tensor that this runtime does not have */
export function unknownTensor(runtime: string, id: number): SlmError {
  return new SlmError(
    "UNEXPECTED",
    `${runtime}: device tensor ${String(id)} has been released, or belongs to another runtime`,
  );
}
