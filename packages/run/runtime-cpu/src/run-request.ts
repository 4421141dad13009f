/** A checked run in the form that crosses to ONNX Runtime's side: tensors are ids or host tensors. */
import { type CheckedGraph, type HostTensor, type RunRequest, checkRun } from "@slm/runtime";
import type { PositionalRun } from "./protocol.js";

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
