/** A checked run in the form that crosses to ONNX Runtime's side: tensors are ids or host tensors. */
import {
  type CheckedGraph,
  type HostTensor,
  type RepeatRequest,
  type RunRequest,
  checkRun,
  feedbackOf,
} from "@slm/runtime";
import type { PositionalRepeat, PositionalRun } from "./protocol.js";

/** What the positional form needs besides the request. */
export interface RunEncoding {
  readonly session: number;
  readonly handOver: (tensor: HostTensor) => HostTensor;
  readonly nextId: () => number;
}

/** @throws SlmError SHAPE_MISMATCH naming the missing, unknown or unfitting input or output. */
export function encodeRun(graph: CheckedGraph, request: RunRequest, encoding: RunEncoding): PositionalRun {
  const { feeds, fetch, keep, into, intoIds, append } = checkRun(graph, request);
  return {
    session: encoding.session,
    feeds: feeds.map((value) => ("id" in value ? value.id : encoding.handOver(value))),
    fetch,
    keep,
    keepIds: keep.map(() => encoding.nextId()),
    into,
    intoIds,
    append,
  };
}

/** @throws SlmError SHAPE_MISMATCH as {@link encodeRun}, and for ids or a position that are no int32 of the host */
export function encodeRepeat(
  graph: CheckedGraph,
  request: RepeatRequest,
  encoding: RunEncoding,
): Omit<PositionalRepeat, "stop"> {
  const { ids, position, picks, fetch = [], end, pad, runs } = request;
  const encoded = encodeRun(graph, { ...request, fetch: [picks, ...fetch] }, encoding);
  feedbackOf(request);
  return {
    ...encoded,
    ...{ ids: graph.inputs.get(ids)!, position: graph.inputs.get(position)! },
    ...{ pad, runs, end },
  };
}
