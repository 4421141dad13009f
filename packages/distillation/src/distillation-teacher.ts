/** What the teacher contributes to a batch: distributions at the student's target positions, hidden states, and generated targets. */
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

// Moves the teacher's distributions to the student's positions and, with a vocabulary map, to the student's tokens.

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
 * @param alignments for each pair, the teacher's position of each student position; undefined for a pair that does not count.
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

/** A teacher, seen from the student's vocabulary. */
export interface DistillationTeacher {
  readonly shape: TeacherShape;
  /** Stored distributions over the gold targets. */
  gold(rows: CorpusRows, shape: PassShape): Promise<TeacherFeeds>;
  /** Distributions over given targets, computed now. */
  score(
    sources: BatchSources,
    targets: readonly (readonly number[])[],
    shape: PassShape,
  ): Promise<TeacherFeeds>;
  /** The teacher's own greedy targets in the student's tokens, at most `shape.target - 1` each. */
  generate(sources: BatchSources, shape: PassShape): Promise<number[][]>;
  /** The teacher's hidden states of the sources. */
  hidden(sources: BatchSources, shape: PassShape): Promise<TeacherFeeds>;
}

export interface DistillationTeacherOptions {
  readonly engine: Engine;
  readonly teacher: Teacher;
  /** Distributions over the gold targets; absent if no term needs them. */
  readonly cache?: TeacherCache | undefined;
}

/** A teacher that shares the student's vocabulary. */
export function sameVocabulary({ teacher, cache }: DistillationTeacherOptions): DistillationTeacher {
  const { vocabularySize: vocabulary, width = 0, maxSource } = teacher.config;
  /** Teacher sources may be longer than the student's. */
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
    generate: (sources, shape) => greedyTargets(teacher, sources, roomFor(sources, shape)),
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
  /** Moves probabilities to the student's tokens; absent if only sorted probabilities are compared. */
  readonly map?: VocabularyMap | undefined;
}

/** A teacher with another vocabulary. It scores its own tokenization of every target. */
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
      const targets = await greedyTargets(teacher, sources, room);
      return targets.map(
        (tokens) => retokenize(tokens, tokenizers.teacher, tokenizers.student, target - 1) ?? [],
      );
    },
    hidden: () => Promise.reject(noStates()),
  };
}

async function greedyTargets(teacher: Teacher, sources: BatchSources, room: ScoreShape): Promise<number[][]> {
  const decoded = await teacher.decode(sources.teacher, room, { kind: "greedy" }, () => 0);
  return decoded.map(({ tokens }) => tokens);
}

/** Tokens of a text in another vocabulary; undefined if the vocabulary cannot encode it, or if it is too long. */
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
    // Models may generate text that a tokenizer rejects: the empty text, or source symbols in a target.
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

/** Rounds a length up, by at most half, to 8, 12, 16, 24, 32, 48, ..., so that few programs are compiled. */
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
  new SlmError(
    "CONFIG_INVALID",
    "distill: loss.hiddenState needs a single teacher with the student's vocabulary and no prompt",
    {
      suggestions: ["set distill.loss.hiddenState to 0"],
    },
  );
