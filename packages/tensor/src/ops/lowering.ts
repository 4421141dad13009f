/** Replaces ops by a target's own operators while a model is recorded. */
import { activeRecorder, type Recorder } from "../recording/recorder.js";
import type { OpName, OpSet } from "./signatures.js";

/** Emits the nodes of one op for a target. Sizes must not be baked in when the target's shapes are dynamic. */
export type Lowering<O extends OpName> = (
  recorder: Recorder,
  inputs: OpSet[O]["inputs"],
  attributes: OpSet[O]["attributes"],
) => OpSet[O]["outputs"];

/** One row per op: an op without a row does not compile. */
export type LoweringTable = { readonly [O in OpName]: Lowering<O> };

let activeTable: LoweringTable | undefined;

/** Runs a body in which every op is emitted by `table` instead of by its tfjs composition. */
export function withLowering<T>(table: LoweringTable, body: () => T): T {
  const previous = activeTable;
  activeTable = table;
  try {
    return body();
  } finally {
    activeTable = previous;
  }
}

/** An op as models call it: the target's row while exporting, the composition of tfjs ops otherwise. */
export function defineOp<O extends OpName>(
  name: O,
  compose: (inputs: OpSet[O]["inputs"], attributes: OpSet[O]["attributes"]) => OpSet[O]["outputs"],
): (inputs: OpSet[O]["inputs"], attributes: OpSet[O]["attributes"]) => OpSet[O]["outputs"] {
  return (inputs, attributes) => {
    const recorder = activeRecorder();
    if (recorder === undefined || activeTable === undefined) return compose(inputs, attributes);
    // The mapped type links each row to its op; indexing with the generic name loses that link for the compiler.
    const lowering: Lowering<O> = activeTable[name];
    return lowering(recorder, inputs, attributes);
  };
}

/** Runs a body whose products stay in float32 in a program of another precision. */
export function inFloat32<T>(body: () => T): T {
  const recorder = activeRecorder();
  return recorder === undefined ? body() : recorder.inFloat32(body);
}

/** Names the nodes recorded inside `body` after a path segment: `/encoder/layers.0/...`. */
export function scope<T>(segment: string, body: () => T): T {
  const recorder = activeRecorder();
  return recorder === undefined ? body() : recorder.builder.scope(segment, body);
}
