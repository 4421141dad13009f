/** Decodes step by step with an ONNX graph. Sources of equal length are read and decoded together. */
import type { StepDecoder } from "@slm/generation";
import { SlmError } from "@slm/core";
import { DecoderRun, rowsAtOnce, type LoadedDecoder } from "./decoder-run.js";

/** Batch indices of rows that are decoded together. */
interface Group {
  readonly run: DecoderRun;
  readonly rows: readonly number[];
}

/** A step decoder over a graph, and a function that closes it. */
export interface GraphSteps extends StepDecoder {
  close(): Promise<void>;
}

/** Reads the sources, one per row. Extra rows read the first source. */
export async function startGraphSteps(
  decoder: LoadedDecoder,
  sources: readonly ArrayLike<number>[],
  rows: number,
): Promise<GraphSteps> {
  const all = Array.from({ length: rows }, (_, row) => sources[row] ?? sources[0]!);
  const groups: Group[] = [];
  const close = async (): Promise<void> => {
    for (const { run } of groups) await run.close();
  };
  try {
    for (const members of groupsOf(decoder, all)) {
      const run = new DecoderRun(decoder, members.length);
      groups.push({ run, rows: members });
      const ids = members.flatMap((row) => Array.from(all[row]!));
      if (ids.length > 0) await run.read(Int32Array.from(ids), 0);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const { vocabularySize } = decoder;
  return {
    rows,
    vocabularySize,
    close,
    step: async (tokens) => {
      const logits = new Float32Array(rows * vocabularySize);
      for (const { run, rows: members } of groups) {
        const ids = Int32Array.from(members, (row) => tokens[row]!);
        const next = await run.read(ids, 1);
        members.forEach((row, at) => {
          logits.set(next.subarray(at * vocabularySize, (at + 1) * vocabularySize), row * vocabularySize);
        });
      }
      return logits;
    },
    permuteRows: async (order) => {
      for (const { run, rows: members } of groups) {
        const local = members.map((row) => members.indexOf(order[row]!));
        // Only beams of the same source are reordered, and these have equal length.
        if (local.includes(-1))
          throw new SlmError("UNEXPECTED", "teacher: cannot reorder rows of sources with different lengths");
        if (local.some((row, at) => row !== at)) await run.permute(local);
      }
    },
  };
}

/** Groups rows by source length, within the limit of logits. Rows of the same source stay together. */
function groupsOf(
  decoder: LoadedDecoder,
  sources: readonly ArrayLike<number>[],
): readonly (readonly number[])[] {
  const groups: number[][] = [];
  const open = new Map<number, number[]>();
  sources.forEach((source, row) => {
    const group = open.get(source.length);
    const isFull = group !== undefined && group.length >= rowsAtOnce(decoder, Math.max(1, source.length), 1);
    if (group !== undefined && !(isFull && sources[group.at(-1)!] !== source)) {
      group.push(row);
      return;
    }
    const fresh = [row];
    open.set(source.length, fresh);
    groups.push(fresh);
  });
  return groups;
}
