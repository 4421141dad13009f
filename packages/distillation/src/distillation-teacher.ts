/** What the teacher contributes to a batch: distributions at the student's target positions, states, targets of its own. */
import { SlmError } from "@slm/core";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { ScoredPair, ScoreShape, Teacher, TeacherCache } from "@slm/teacher";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import type { PassShape } from "@slm/training";
import { alignPositions, UNALIGNED } from "./align.js";
import type { CorpusRows } from "./corpus.js";
import type { TeacherShape } from "./student-loss.js";
import type { VocabularyMap } from "./vocabulary-map.js";

// The teacher's distributions moved to the student's positions, and to its tokens where a map says how.

/** Distributions at the teacher's positions: row b · target + j of `[batch · target, vocabulary]` for position j of pair b. */
interface TeacherRows {
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
function alignedFeeds(
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

/** Feeds of the teacher's terms; `owned` tensors are released by the trainer. */
export interface TeacherFeeds {
  readonly feeds: Readonly<Record<string, HostTensor | DeviceTensor>>;
  readonly owned: readonly DeviceTensor[];
}

/** Sources as both models read them. */
export interface BatchSources {
  readonly student: readonly Int32Array[];
  readonly teacher: readonly Int32Array[];
  /** Samples of each source's image, of a vision-language student. */
  readonly images?: readonly Uint8Array[] | undefined;
}

/** A teacher beside a student. */
export interface DistillationTeacher {
  readonly shape: TeacherShape;
  /** Distributions over the data's targets, as stored. */
  gold(rows: CorpusRows, shape: PassShape): Promise<TeacherFeeds>;
  /** Distributions over targets in the student's tokens, computed now. */
  score(
    sources: BatchSources,
    targets: readonly (readonly number[])[],
    shape: PassShape,
  ): Promise<TeacherFeeds>;
  /** The teacher's own greedy targets in the student's tokens, at most `shape.target - 1` each. */
  generate(sources: BatchSources, shape: PassShape): Promise<number[][]>;
  /** The teacher's states of the sources. */
  hidden(sources: BatchSources, shape: PassShape): Promise<TeacherFeeds>;
}

export interface DistillationTeacherOptions {
  readonly engine: Engine;
  readonly teacher: Teacher;
  /** Distributions over the data's targets; absent where no term asks for them. */
  readonly cache?: TeacherCache | undefined;
}

/** A teacher that shares the student's vocabulary. */
export function sameVocabulary({ teacher, cache }: DistillationTeacherOptions): DistillationTeacher {
  const { vocabularySize: vocabulary, width = 0, maxSource } = teacher.config;
  /** Sources of the teacher's own may be longer than the student's. */
  const roomFor = (sources: BatchSources, shape: PassShape): ScoreShape => {
    const most = longest(sources.teacher);
    return most <= shape.source ? shape : { ...shape, source: Math.min(maxSource, roundLength(most)) };
  };
  return {
    shape: { vocabulary, width, isAligned: false },
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
    generate: (sources, shape) =>
      teacher.generate(sources.teacher, roomFor(sources, shape), { kind: "greedy" }, () => 0),
    hidden: async (sources, { batch, source }) => {
      const { hiddenStates } = teacher;
      if (hiddenStates === undefined) throw noStates();
      const states = await hiddenStates(sources.teacher, { batch, source });
      return {
        feeds: { "hidden.teacher": states, ...sourceMask(sources.student, batch, source) },
        owned: [states],
      };
    },
  };
}

export interface OtherVocabulary extends DistillationTeacherOptions {
  readonly tokenizers: { readonly student: Tokenizer; readonly teacher: Tokenizer };
  /** Moves probabilities to the student's tokens; absent where only sorted ones are compared. */
  readonly map?: VocabularyMap | undefined;
}

/** A teacher with a vocabulary of its own: it scores its own tokenization of every target. */
export function otherVocabulary({
  engine,
  teacher,
  cache,
  tokenizers,
  map,
}: OtherVocabulary): DistillationTeacher {
  const { vocabularySize, width = 0, maxSource, maxTarget } = teacher.config;
  const vocabulary = map?.studentSize ?? vocabularySize;
  return {
    shape: { vocabulary, width, isAligned: true },
    gold: async ({ teacherTokens }, shape) => {
      const target = longest(teacherTokens.targets) + 1;
      const pairs = pairsOf(teacherTokens.sources, teacherTokens.targets);
      const { data } = await opened(cache).read(pairs, { batch: shape.batch, target });
      const rows = { values: data as Float32Array, target, vocabulary: vocabularySize };
      return { feeds: alignedFeeds(rows, teacherTokens.alignments ?? [], shape, map), owned: [] };
    },
    score: async (sources, targets, shape) => {
      const theirs = targets.map((tokens) =>
        retokenize(tokens, tokenizers.student, tokenizers.teacher, maxTarget - 1),
      );
      const alignments = theirs.map((tokens, row) =>
        tokens === undefined
          ? undefined
          : alignPositions(
              { decoder: tokenizers.student, tokens: targets[row]! },
              { decoder: tokenizers.teacher, tokens },
            ),
      );
      const known = theirs.map((tokens) => tokens ?? []);
      const room: ScoreShape = {
        batch: shape.batch,
        source: Math.min(maxSource, roundLength(longest(sources.teacher))),
        target: Math.min(maxTarget, roundLength(longest(known) + 1)),
      };
      const scored = await teacher.score(pairsOf(sources.teacher, known), room);
      const { data } = await engine.download(scored);
      await engine.release([scored]);
      const rows = { values: data as Float32Array, target: room.target, vocabulary: vocabularySize };
      return { feeds: alignedFeeds(rows, alignments, shape, map), owned: [] };
    },
    generate: async (sources, { batch, target }) => {
      const room = { batch, source: roundLength(longest(sources.teacher)), target: maxTarget };
      const generated = await teacher.generate(sources.teacher, room, { kind: "greedy" }, () => 0);
      return generated.map(
        (tokens) => retokenize(tokens, tokenizers.teacher, tokenizers.student, target - 1) ?? [],
      );
    },
    hidden: () => Promise.reject(noStates()),
  };
}

/** A text's tokens in another vocabulary; undefined for text it cannot write, or that is too long in it. */
function retokenize(
  tokens: readonly number[],
  from: Tokenizer,
  to: Tokenizer,
  limit: number,
): number[] | undefined {
  try {
    const converted = to.encodeTarget(from.decode(tokens));
    return converted.length <= limit ? converted : undefined;
  } catch (error) {
    // Models write what tokenizers reject: nothing at all, or symbols of the wrong side.
    if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
    throw error;
  }
}

const pairsOf = (
  sources: readonly ArrayLike<number>[],
  targets: readonly ArrayLike<number>[],
): ScoredPair[] => targets.map((target, row) => ({ source: sources[row]!, target }));

const longest = (lists: readonly ArrayLike<number>[]): number =>
  lists.reduce((most, { length }) => Math.max(most, length), 1);

/** A length at most half larger that few lengths share, so that few programs are compiled: 8, 12, 16, 24, 32, 48, ... */
export function roundLength(length: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(8, length)));
  const between = (3 * power) / 4;
  return length <= between && between > 8 ? between : power;
}

function sourceMask(
  sources: readonly ArrayLike<number>[],
  batch: number,
  source: number,
): Record<"hidden.mask" | "hidden.count", HostTensor> {
  const mask = new Float32Array(batch * source);
  let tokens = 0;
  sources.forEach(({ length }, row) => {
    mask.fill(1, row * source, row * source + length);
    tokens += length;
  });
  return {
    "hidden.mask": createHostTensor("float32", [batch * source], mask),
    "hidden.count": createHostTensor("float32", [], Float32Array.of(Math.max(1, tokens))),
  };
}

function opened(cache: TeacherCache | undefined): TeacherCache {
  if (cache === undefined)
    throw new SlmError("UNEXPECTED", "distill: no cache of the teacher's distributions");
  return cache;
}

export const noStates = (): SlmError =>
  new SlmError("CONFIG_INVALID", "distill: loss.hiddenState needs one teacher of the student's vocabulary", {
    suggestions: ["set distill.loss.hiddenState to 0"],
  });
