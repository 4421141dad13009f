/**
 * The gated recurrence after cached states, of which the host keeps one for each position: new states alone come out.
 *
 * ```
 * past states ─► row of the last position (a product with 0 and 1) ─► before ─┐
 * gate ─► Sigmoid ─► keep ──────────────────────────────────────────────────► keep · before + (x - keep · x)   one new position
 *                                                                          ─► the same for every position      several
 * ```
 *
 * Several new positions are few (a token and its drafts, the beginning of an answer), so all pairs of them are weighed at once: position t
 * holds what position s took in, times the product of the shares kept between them, which is the exponential of a sum of logarithms.
 */
import { ROW_POSITIONS } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { int, subgraph } from "@slm/onnx";
import type { Lowering, Recorder } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { cast, countUp, int32, reshape, shapeOf, sizeOf } from "./emit.js";

interface Step {
  readonly x: string;
  readonly gate: string;
  /** The last state, `[batch, 1, width]`; zeros before the first. */
  readonly before: string;
}

/** A recurrence whose host appends new states. */
export function deltaRecurrence(context: LoweringContext): Lowering<"recurrence"> {
  return (recorder, { x, gate, pastState, pastLength }, { caches }) => {
    if (pastState === undefined || pastLength === undefined || caches !== "delta")
      throw new SlmError("UNEXPECTED", "export: this recurrence reads cached states and hands back new ones");
    const { builder } = recorder;
    const past = recorder.nameOf(pastState);
    const step: Step = {
      x: recorder.nameOf(x),
      gate: recorder.nameOf(gate),
      before: lastState(recorder, context, past, recorder.nameOf(pastLength)),
    };
    const isStep = builder.op("Equal", [shapeOf(recorder, context.values.ids, 1), builder.ints([1])]);
    const branches = {
      then_branch: subgraph(builder.branch(ROW_POSITIONS.stepBranch, () => nextState(recorder, step))),
      else_branch: subgraph(builder.branch("run", () => nextStates(recorder, context, step))),
    };
    const made = builder.op("If", [isStep], { attributes: branches });
    const states = recorder.tensor(made, x.shape);
    return { states, presentState: states };
  };
}

/** @throws SlmError OP_UNSUPPORTED: the device's caches are not appended to by the host. */
export function unsupportedRecurrence(): Lowering<"recurrence"> {
  return () => {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: a recurrence in place of the decoder's self-attention (decoderRecurrence, Marian's SSRU) is exported to target cpu in layout native only, whose caches the host appends to",
      { suggestions: ["slm export MODEL --target cpu"] },
    );
  };
}

/** The state of the last position, or zeros where there is none; one position for all rows, or one for each. */
function lastState(recorder: Recorder, context: LoweringContext, past: string, pastLength: string): string {
  const { builder } = recorder;
  const slots = context.values.once(`last slot of ${pastLength}`, () => {
    const last = builder.op("Sub", [reshape(recorder, pastLength, ROW_POSITIONS.shape), int32(recorder, 1)]);
    const all = countUp(recorder, sizeOf(recorder, past, 2));
    const isLast = cast(recorder, builder.op("Equal", [all, last]), context.device.precision);
    return reshape(recorder, isLast, [0, 1, 1, -1]);
  });
  const state = builder.op("MatMul", [slots, past]);
  return builder.op("Squeeze", [state, builder.ints([1])]);
}

function nextState(recorder: Recorder, { x, gate, before }: Step): string {
  const { builder } = recorder;
  const keep = builder.op("Sigmoid", [gate]);
  const moved = builder.op("Mul", [keep, builder.op("Sub", [before, x])]);
  return builder.op("Add", [x, moved]);
}

/** All pairs of new positions: `[batch, target, target, width]`. */
function nextStates(recorder: Recorder, { device, values }: LoweringContext, step: Step): string {
  const { builder } = recorder;
  const wide = (value: string): string =>
    device.precision === "float32" ? value : cast(recorder, value, "float32");
  const [x, gate, before] = [step.x, step.gate, step.before].map(wide) as [string, string, string];
  // log(sigmoid(gate)), which no gate makes infinite.
  const logKeep = builder.op("Neg", [builder.op("Softplus", [builder.op("Neg", [gate])])]);
  const total = builder.op("CumSum", [logKeep, builder.constant("int64", [], [1])]);
  const axis = (value: string, at: number): string => builder.op("Unsqueeze", [value, builder.ints([at])]);
  const between = builder.op("Sub", [axis(total, 2), axis(total, 1)]);
  const positions = countUp(recorder, sizeOf(recorder, values.ids, 1));
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
