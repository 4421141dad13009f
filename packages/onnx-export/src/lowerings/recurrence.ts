/**
 * The gated recurrence over cached states, one per position.
 *
 * ```
 * past states ─► row of the last position (a product with 0 and 1) ─► before ─┐
 * gate ─► Sigmoid ─► keep ──────────────────────────────────────────────────► keep · before + (x - keep · x)   one new position
 *                                                                          ─► the same for every position      several
 * ```
 *
 * A run has few new positions (a token, the beginning of an answer), so all pairs are computed at once. The contribution of
 * position s to position t is multiplied by the product of the gates between them, computed as the exponential of a sum of logarithms.
 */
import { ROW_POSITIONS } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { int, subgraph } from "@slm/onnx";
import type { Lowering, Recorder } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { slotBySlot } from "./decomposed-caches.js";
import { cast, concat, countUp, int32, reshape, shapeOf, sizeOf, sliceAxis } from "./emit.js";

interface Step {
  readonly x: string;
  readonly gate: string;
  /** The last state, `[batch, 1, width]`; zeros before the first. */
  readonly before: string;
}

/** A recurrence for hosts that append new states. One new position and several use different branches. */
export function deltaRecurrence(context: LoweringContext): Lowering<"recurrence"> {
  return (recorder, { x, gate, pastState, pastLength }, { caches }) => {
    if (pastState === undefined || pastLength === undefined || caches !== "delta")
      throw new SlmError(
        "UNEXPECTED",
        "export: this recurrence needs cached states and returns only new ones",
      );
    const { builder } = recorder;
    const past = recorder.nameOf(pastState);
    const step: Step = {
      x: recorder.nameOf(x),
      gate: recorder.nameOf(gate),
      before: lastState(recorder, context, past, recorder.nameOf(pastLength)),
    };
    const isStep = builder.op("Equal", [shapeOf(recorder, context.sequence.tokens, 1), builder.ints([1])]);
    const branches = {
      then_branch: subgraph(builder.branch(ROW_POSITIONS.stepBranch, () => nextState(recorder, step))),
      else_branch: subgraph(builder.branch("run", () => nextStates(recorder, context, step))),
    };
    const made = builder.op("If", [isStep], { attributes: branches });
    const states = recorder.tensor(made, x.shape);
    return { states, presentState: states };
  };
}

/** A recurrence that writes new states into a buffer, without control flow. */
export function bufferedRecurrence(context: LoweringContext): Lowering<"recurrence"> {
  return (recorder, { x, gate, pastState, pastLength }, { caches }) => {
    if (pastState === undefined || pastLength === undefined || caches !== "full")
      throw new SlmError("UNEXPECTED", "export: this recurrence needs cached states and returns all of them");
    const { builder } = recorder;
    const [cache, past] = [recorder.nameOf(pastState), recorder.nameOf(pastLength)];
    const made = nextStates(recorder, context, {
      x: recorder.nameOf(x),
      gate: recorder.nameOf(gate),
      before: lastState(recorder, context, cache, past),
    });
    const { extend } = slotBySlot(recorder, context, { past, cache });
    const present = extend(cache, builder.op("Unsqueeze", [made, builder.ints([1])]));
    return {
      states: recorder.tensor(made, x.shape),
      presentState: recorder.tensor(present, pastState.shape),
    };
  };
}

/**
 * A recurrence in static graphs, one token after the other. The host passes the state before the first token, `[1, width]` (zeros at the
 * start), and reads the states of all tokens, `[tokens, width]`.
 */
export function windowRecurrence(): Lowering<"recurrence"> {
  return (recorder, { x, gate, pastState }) => {
    if (pastState === undefined)
      throw new SlmError("UNEXPECTED", "export: a static recurrence needs the state before its tokens");
    const { builder } = recorder;
    const [, length, width] = x.shape as [number, number, number];
    const [rows, keep] = [recorder.nameOf(x), builder.op("Sigmoid", [recorder.nameOf(gate)])];
    const rowOf = (value: string, at: number): string =>
      length === 1 ? value : sliceAxis(recorder, value, [0, at, at + 1]);
    const states: string[] = [];
    for (let at = 0; at < length; at++) {
      const before = states.at(-1) ?? recorder.nameOf(pastState);
      states.push(mixed(recorder, { x: rowOf(rows, at), keep: rowOf(keep, at), before }));
    }
    const all = length === 1 ? states[0]! : concat(recorder, states, 0);
    return { states: recorder.tensor(all, x.shape), presentState: recorder.tensor(all, [length, width]) };
  };
}

/** @throws SlmError OP_UNSUPPORTED, because the layout can cache only keys and values. */
export function unsupportedRecurrence(): Lowering<"recurrence"> {
  return () => {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: layout transformers.js has no model class with a recurrence instead of decoder self-attention (decoderRecurrence, Marian's SSRU)",
      { suggestions: ["--layout native"] },
    );
  };
}

/** The state of the last position, or zeros at the start. All rows share a position, or each has its own. */
function lastState(recorder: Recorder, context: LoweringContext, past: string, pastLength: string): string {
  const { builder } = recorder;
  const slots = context.sequence.once(`last slot of ${pastLength}`, () => {
    const last = builder.op("Sub", [reshape(recorder, pastLength, ROW_POSITIONS.shape), int32(recorder, 1)]);
    const all = countUp(recorder, sizeOf(recorder, past, 2));
    const isLast = cast(recorder, builder.op("Equal", [all, last]), context.device.precision);
    return reshape(recorder, isLast, [0, 1, 1, -1]);
  });
  const state = builder.op("MatMul", [slots, past]);
  return builder.op("Squeeze", [state, builder.ints([1])]);
}

const nextState = (recorder: Recorder, { x, gate, before }: Step): string =>
  mixed(recorder, { x, keep: recorder.builder.op("Sigmoid", [gate]), before });

/** x + keep · (before - x) */
function mixed(
  recorder: Recorder,
  { x, keep, before }: Pick<Step, "x" | "before"> & { readonly keep: string },
): string {
  const { builder } = recorder;
  const moved = builder.op("Mul", [keep, builder.op("Sub", [before, x])]);
  return builder.op("Add", [x, moved]);
}

/** All pairs of new positions: `[batch, target, target, width]`. */
function nextStates(recorder: Recorder, { device, sequence }: LoweringContext, step: Step): string {
  const { builder } = recorder;
  const wide = (value: string): string =>
    device.precision === "float32" ? value : cast(recorder, value, "float32");
  const [x, gate, before] = [step.x, step.gate, step.before].map(wide) as [string, string, string];
  // log(sigmoid(gate)), which stays finite for every gate.
  const logKeep = builder.op("Neg", [builder.op("Softplus", [builder.op("Neg", [gate])])]);
  const total = builder.op("CumSum", [logKeep, builder.constant("int64", [], [1])]);
  const axis = (value: string, at: number): string => builder.op("Unsqueeze", [value, builder.ints([at])]);
  const between = builder.op("Sub", [axis(total, 2), axis(total, 1)]);
  const positions = countUp(recorder, sizeOf(recorder, sequence.tokens, 1));
  const isLater = builder.op("Greater", [
    reshape(recorder, positions, [1, 1, -1, 1]),
    reshape(recorder, positions, [1, -1, 1, 1]),
  ]);
  const never = builder.constant("float32", [], [-Infinity]);
  const share = builder.op("Exp", [builder.op("Where", [isLater, never, between])]);
  const taken = builder.op("Mul", [x, builder.op("Sigmoid", [builder.op("Neg", [gate])])]);
  const own = builder.op("ReduceSum", [builder.op("Mul", [share, axis(taken, 1)]), builder.ints([2])], {
    attributes: { keepdims: int(0) },
  });
  const kept = builder.op("Mul", [builder.op("Exp", [total]), before]);
  const states = builder.op("Add", [kept, own]);
  return device.precision === "float32" ? states : cast(recorder, states, device.precision);
}
