/** A teacher with a part of its vocabulary. */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { ModelConfig } from "../config.js";
import { EMBEDDING_WEIGHT, HEAD_WEIGHT } from "../parameters.js";
import { toFloat32 } from "../weights.js";
import type { DecoderOnlyModel } from "./student-weights.js";

/**
 * The teacher with the tokens of a student: rows of the embedding, and of an output head of its own.
 *
 * @param teacherIds the teacher's id of each of the student's tokens.
 * @param tokens ids of the special tokens in the student's vocabulary.
 * @throws SlmError DATA_INVALID for an id outside of the teacher's vocabulary
 */
export function pickTokens(
  { config, weights }: DecoderOnlyModel,
  teacherIds: readonly number[],
  tokens: ModelConfig["tokens"],
): DecoderOnlyModel {
  const { vocabularySize, width } = config;
  const beyond = teacherIds.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
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

function rowsOf({ data }: HostTensor, ids: readonly number[], width: number): HostTensor {
  const rows = new Float32Array(ids.length * width);
  ids.forEach((id, row) => {
    rows.set((data as Float32Array).subarray(id * width, (id + 1) * width), row * width);
  });
  return createHostTensor("float32", [ids.length, width], rows);
}
