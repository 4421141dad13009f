/** Chooses which heads and neurons of a layer to keep: those that add most to the states. */
import type { DecoderOnlyConfig } from "../config/config.js";
import { largest } from "./stream-basis.js";

/** The rows of a part's matrix to keep, `size` numbers each; its columns if the matrix writes states. */
type KeepRows = (values: Float32Array, size: number) => Float32Array;

/** What to keep of each part of a layer. */
export interface Cuts {
  /** Undefined: keep everything. */
  rows(part: string, values: Float32Array, size: number): Float32Array | undefined;
}

/** A branch's last matrix and the statistics of its inputs. */
interface BranchInputs {
  /** Mean squares of the inputs. */
  readonly squares: Float64Array;
  /** `[width, inputs]` */
  readonly output: Float32Array;
}

type Sizes = Pick<DecoderOnlyConfig, "kvHeads" | "feedForward">;

/** Mean square of each input's contribution to the states: its own mean square times the square norm of its column. */
function contributions({ squares, output }: BranchInputs): Float64Array {
  const inputs = squares.length;
  const norms = new Float64Array(inputs);
  for (let at = 0; at < output.length; at++) norms[at % inputs] = norms[at % inputs]! + output[at]! ** 2;
  return norms.map((norm, input) => norm * squares[input]!);
}

const keep =
  (kept: readonly number[]): KeepRows =>
  (values, size) => {
    const rows = new Float32Array(kept.length * size);
    kept.forEach((from, to) => {
      rows.set(values.subarray(from * size, (from + 1) * size), to * size);
    });
    return rows;
  };

/** Neurons to keep, in order. */
export function chosenNeurons(
  { feedForward }: DecoderOnlyConfig,
  narrow: Sizes,
  inputs: BranchInputs,
): Readonly<Record<string, KeepRows>> {
  if (narrow.feedForward === feedForward) return {};
  const rows = keep(largest(contributions(inputs), narrow.feedForward));
  return { "feedForward.gate": rows, "feedForward.up": rows, "feedForward.down": rows };
}

/** Key/value heads to keep with all of their query heads, in order. */
export function chosenHeads(
  { heads, kvHeads, headDim, headOrder }: DecoderOnlyConfig,
  narrow: Sizes,
  inputs: BranchInputs,
): Readonly<Record<string, KeepRows>> {
  if (narrow.kvHeads === kvHeads) return {};
  const group = heads / kvHeads;
  const readers = (keyValue: number): number[] =>
    Array.from({ length: group }, (_, member) =>
      headOrder === "grouped" ? keyValue * group + member : member * kvHeads + keyValue,
    );
  const perInput = contributions(inputs);
  const ofHead = (head: number): number =>
    perInput.subarray(head * headDim, (head + 1) * headDim).reduce((sum, value) => sum + value, 0);
  const importance = Array.from({ length: kvHeads }, (_, keyValue) =>
    readers(keyValue).reduce((sum, head) => sum + ofHead(head), 0),
  );
  const kept = largest(importance, narrow.kvHeads);
  const queries =
    headOrder === "grouped"
      ? kept.flatMap(readers)
      : Array.from({ length: group }, (_, member) =>
          kept.map((keyValue) => readers(keyValue)[member]!),
        ).flat();
  const elements = (chosen: readonly number[]): KeepRows =>
    keep(chosen.flatMap((head) => Array.from({ length: headDim }, (_, i) => head * headDim + i)));
  const [keyRows, queryRows] = [elements(kept), elements(queries)];
  return {
    "attention.query": queryRows,
    "attention.key": keyRows,
    "attention.value": keyRows,
    "attention.output": queryRows,
  };
}
