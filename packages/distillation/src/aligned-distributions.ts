/** The teacher's distributions moved to the student's positions, and to its tokens where a map says how. */
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { UNALIGNED } from "./align.js";
import type { PassShape } from "@slm/training";
import type { VocabularyMap } from "./vocabulary-map.js";

/** Distributions at the teacher's positions: row b · target + j of `[batch · target, vocabulary]` for position j of pair b. */
export interface TeacherRows {
  readonly values: Float32Array;
  readonly target: number;
  readonly vocabulary: number;
}

/**
 * Feeds of the terms that compare distributions: `teacher` `[batch · target, vocabulary]` at the student's positions, and
 * which of them have a counterpart. Positions without one are zero and do not count.
 *
 * @param alignments of each pair, the teacher's position for each of the student's; undefined for a pair that does not count.
 */
export function alignedFeeds(
  teacher: TeacherRows,
  alignments: readonly (Int32Array | undefined)[],
  { batch, target }: Pick<PassShape, "batch" | "target">,
  map: VocabularyMap | undefined,
): Record<"teacher" | "aligned.mask" | "aligned.count", HostTensor> {
  const width = map?.studentSize ?? teacher.vocabulary;
  const values = new Float32Array(batch * target * width);
  const mask = new Float32Array(batch * target);
  let lossTokens = 0;
  alignments.forEach((alignment, row) => {
    for (let i = 0; alignment !== undefined && i < Math.min(alignment.length, target); i++) {
      const j = alignment[i]!;
      if (j === UNALIGNED || j >= teacher.target) continue;
      const from = (row * teacher.target + j) * teacher.vocabulary;
      const to = (row * target + i) * width;
      const distribution = teacher.values.subarray(from, from + teacher.vocabulary);
      if (map === undefined) values.set(distribution, to);
      else map.project(distribution.subarray(0, map.teacherSize), values.subarray(to, to + width), j === 0);
      mask[row * target + i] = 1;
      lossTokens += 1;
    }
  });
  return {
    teacher: createHostTensor("float32", [batch * target, width], values),
    "aligned.mask": createHostTensor("float32", [batch * target], mask),
    "aligned.count": createHostTensor("float32", [], Float32Array.of(Math.max(1, lossTokens))),
  };
}
