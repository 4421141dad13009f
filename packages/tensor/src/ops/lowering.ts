/** Replaces ops with a target's own operators while a model is recorded. */
import { activeRecorder, type Recorder } from "../recording/recorder.js";
import type { OpName, OpSet } from "./signatures.js";

/** Emits the nodes of an op for a target. Must not fix sizes if the target's shapes are dynamic. */
export type Lowering<O extends OpName> = (
  recorder: Recorder,
  inputs: OpSet[O]["inputs"],
  attributes: OpSet[O]["attributes"],
) => OpSet[O]["outputs"];

/** One entry per op: an op without an entry does not compile. */
export type LoweringTable = { readonly [O in OpName]: Lowering<O> };

let activeTable: LoweringTable | undefined;

/** Runs a body in which `table` emits every op, instead of the op's tfjs composition. */
export function withLowering<T>(table: LoweringTable, body: () => T): T {
  const previous = activeTable;
  activeTable = table;
  try {
    return body();
  } finally {
    activeTable = previous;
  }
}

/** An op as models call it: the target's lowering during export, otherwise the composition of tfjs ops. */
export function defineOp<O extends OpName>(
  name: O,
  compose: (inputs: OpSet[O]["inputs"], attributes: OpSet[O]["attributes"]) => OpSet[O]["outputs"],
): (inputs: OpSet[O]["inputs"], attributes: OpSet[O]["attributes"]) => OpSet[O]["outputs"] {
  return (inputs, attributes) => {
    const recorder = activeRecorder();
    if (recorder === undefined || activeTable === undefined) return compose(inputs, attributes);
    // The mapped type links each entry to its op; indexing with the generic name loses that link for the compiler.
    const lowering: Lowering<O> = activeTable[name];
    return lowering(recorder, inputs, attributes);
  };
}

/** Runs a body whose products stay in float32, even if the program has another precision. */
export function inFloat32<T>(body: () => T): T {
  const recorder = activeRecorder();
  return recorder === undefined ? body() : recorder.inFloat32(body);
}

/** Prefixes the names of nodes recorded inside `body` with a path segment: `/encoder/layers.0/...`. */
export function scope<T>(segment: string, body: () => T): T {
  const recorder = activeRecorder();
  return recorder === undefined ? body() : recorder.builder.scope(segment, body);
}
