/** The interface of a teacher: next-token logits over given targets, generated targets, and hidden states. */
import type { Decoded, StepDecoder, Strategy } from "@slm/generation";
import type { DecoderOnlyConfig } from "@slm/model";
import type { DeviceTensor } from "@slm/runtime";

/** A source and the target to score. */
export interface ScoredPair {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** Sizes of one program: rows, and positions of each side (the target's includes EOS). */
export interface ScoreShape {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  /**
   * Positions that the sources of this batch and of others begin with, which a teacher may read once. Default: 0. It must be below the
   * length of every source.
   */
  readonly shared?: number | undefined;
}

/** Properties of a teacher's model. */
export interface TeacherLimits extends Pick<
  DecoderOnlyConfig,
  "vocabularySize" | "maxSource" | "maxTarget" | "tokens"
> {
  /** Width of its hidden states, if it can return them. */
  readonly width?: number;
}

export interface Teacher {
  /** For an ensemble: that of its first member, with the smallest limits of all members. */
  readonly config: TeacherLimits;
  /** Number of weights; for an ensemble the sum over members. */
  readonly parameters: number;
  /**
   * Teacher logits at every target position of `[source ; target]`, on the device: `[batch · target, vocab]`, row
   * b · target + i predicting target token i of pair b (and the EOS token after the last). Rows beyond a target are arbitrary.
   * The caller releases the tensor.
   */
  score(pairs: readonly ScoredPair[], shape: ScoreShape): Promise<DeviceTensor>;
  /** Generated targets, at most `shape.target - 1` tokens each, without special tokens. */
  generate(
    sources: readonly Int32Array[],
    shape: ScoreShape,
    strategy: Strategy,
    random: () => number,
  ): Promise<number[][]>;
  /** As {@link Teacher.generate}, with the probability of each target and whether it reached EOS. */
  decode(
    sources: readonly Int32Array[],
    shape: ScoreShape,
    strategy: Strategy,
    random: () => number,
  ): Promise<Decoded[]>;
  /** A decoder that has read these sources, one per row of `shape.batch`. The previous decoder becomes invalid. */
  start(sources: readonly Int32Array[], shape: ScoreShape): Promise<StepDecoder>;
  close(): Promise<void>;
}
