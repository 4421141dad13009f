/** Gives a teacher the vocabulary of a student. */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { ModelConfig } from "../config/config.js";
import { EMBEDDING_WEIGHT, HEAD_WEIGHT } from "../parameters/parameters.js";
import { toFloat32, type Weights } from "../parameters/weights.js";

/**
 * Returns the teacher with the student's tokens: rows of the embedding, and of the output head if it is separate. A token's row is the mean of
 * the rows of the teacher's tokens that spell it, or of all rows if none do.
 *
 * Source: Gee et al. 2022 (arXiv:2402.09977), fast vocabulary transfer.
 *
 * @param teacherIds for each of the student's tokens, the teacher's tokens that spell it.
 * @param tokens ids of the special tokens in the student's vocabulary.
 * @throws SlmError DATA_INVALID for an id outside of the teacher's vocabulary
 */
export function pickTokens<Config extends ModelConfig>(
  { config, weights }: { readonly config: Config; readonly weights: Weights },
  teacherIds: readonly (readonly number[])[],
  tokens: ModelConfig["tokens"],
): { readonly config: Config; readonly weights: Weights } {
  const { vocabularySize, width } = config;
  const beyond = teacherIds.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (beyond !== undefined)
    throw new SlmError(
      "DATA_INVALID",
      `initialize: token ${beyond} is outside of the teacher's ${vocabularySize} tokens`,
    );
  const picked = new Map(weights);
  for (const name of [EMBEDDING_WEIGHT, HEAD_WEIGHT]) {
    const table = weights.get(name);
    if (table !== undefined) picked.set(name, rowsOf(toFloat32(table, name), teacherIds, width));
  }
  return { config: { ...config, vocabularySize: teacherIds.length, tokens }, weights: picked };
}

/** Rows `[tokens, width]`: means of the rows `ids[token]` of a table, or of all rows if there are no ids. */
function rowsOf({ data }: HostTensor, ids: readonly (readonly number[])[], width: number): HostTensor {
  const table = data as Float32Array;
  const rows = new Float32Array(ids.length * width);
  const everyRow = Array.from({ length: table.length / width }, (_, id) => id);
  let ofAll: Float32Array | undefined;
  ids.forEach((spelling, token) => {
    const row =
      spelling.length > 0 ? meanRow(table, spelling, width) : (ofAll ??= meanRow(table, everyRow, width));
    rows.set(row, token * width);
  });
  return createHostTensor("float32", [ids.length, width], rows);
}

function meanRow(table: Float32Array, ids: readonly number[], width: number): Float32Array {
  if (ids.length === 1) return table.subarray(ids[0]! * width, (ids[0]! + 1) * width);
  const mean = new Float64Array(width);
  for (const id of ids)
    for (let column = 0; column < width; column++) mean[column]! += table[id * width + column]! / ids.length;
  return Float32Array.from(mean);
}
