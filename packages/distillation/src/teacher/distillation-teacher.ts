/** Computes the teacher's part of a batch: distributions at the student's target positions. */
import { SlmError } from "@slm/core";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import type { ScoredPair, ScoreShape, Teacher, TeacherCache } from "@slm/teacher";
import type { PassShape } from "@slm/training";
import type { CorpusRows } from "../sources/corpus.js";

/** Feeds of the teacher's loss terms; the trainer releases `owned` tensors. */
export interface TeacherFeeds {
  readonly feeds: Readonly<Record<string, HostTensor | DeviceTensor>>;
  readonly owned: readonly DeviceTensor[];
}

/** Sources, tokenized for both models. */
export interface BatchSources {
  readonly student: readonly Int32Array[];
  readonly teacher: readonly Int32Array[];
  /** Pixel samples of each source's image, for a vision-language student. */
  readonly images?: readonly Uint8Array[] | undefined;
}

/** A teacher with the student's vocabulary. */
export interface DistillationTeacher {
  /** Stored distributions over the gold targets. */
  gold(rows: CorpusRows, shape: PassShape): Promise<TeacherFeeds>;
  /** Computes distributions over given targets. */
  score(
    sources: BatchSources,
    targets: readonly (readonly number[])[],
    shape: PassShape,
  ): Promise<TeacherFeeds>;
}

export interface DistillationTeacherOptions {
  readonly teacher: Teacher;
  /** Distributions over the gold targets; undefined if no term needs them. */
  readonly cache?: TeacherCache | undefined;
}

/** @param cache distributions over the gold targets; undefined if no term needs them */
export function distillationTeacher({ teacher, cache }: DistillationTeacherOptions): DistillationTeacher {
  const { maxSource } = teacher.config;
  /** Teacher sources may be longer than the student's. */
  const roomFor = (sources: BatchSources, shape: PassShape): ScoreShape => {
    const most = longest(sources.teacher);
    return most <= shape.source ? shape : { ...shape, source: Math.min(maxSource, roundLength(most)) };
  };
  return {
    gold: async ({ teacherTokens }, { batch, target }) => {
      const distributions = await opened(cache).read(pairsOf(teacherTokens.sources, teacherTokens.targets), {
        batch,
        target,
      });
      return { feeds: { teacher: distributions }, owned: [] };
    },
    score: async (sources, targets, shape) => {
      const scored = await teacher.score(pairsOf(sources.teacher, targets), roomFor(sources, shape));
      return { feeds: { teacher: scored }, owned: [scored] };
    },
  };
}

const pairsOf = (
  sources: readonly ArrayLike<number>[],
  targets: readonly ArrayLike<number>[],
): ScoredPair[] => targets.map((target, row) => ({ source: sources[row]!, target }));

const longest = (lists: readonly ArrayLike<number>[]): number =>
  lists.reduce((most, { length }) => Math.max(most, length), 1);

/** Rounds a length up to 8, 12, 16, 24, 32, 48, ..., so that few programs are compiled. Adds less than half. */
export function roundLength(length: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(8, length)));
  const between = (3 * power) / 4;
  return length <= between && between > 8 ? between : power;
}

function opened(cache: TeacherCache | undefined): TeacherCache {
  if (cache === undefined)
    throw new SlmError("UNEXPECTED", "distill: the cache of the teacher's distributions is missing");
  return cache;
}
