/** The interface of a teacher: next-token logits over given targets, generated targets, and hidden states. */
import type { Decoded, StepDecoder, Strategy } from "@slm/generation";
import type { DecoderOnlyConfig } from "@slm/model";
import type { DeviceTensor } from "@slm/runtime";

/** A source and the target to score. */
export interface ScoredPair {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** Sizes of a program: rows, and positions of each side (the target side includes EOS). */
export interface ScoreShape {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  /**
   * Length of a prefix that the sources of this and other batches share. A teacher may read it once. Must be below the length of every
   * source. Default: 0.
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
  /** For an ensemble: its first member's configuration, with the smallest limits of all members. */
  readonly config: TeacherLimits;
  /** Number of weights; for an ensemble the sum over members. */
  readonly parameters: number;
  /**
   * Computes logits at every target position of `[source ; target]`, on the device: `[batch · target, vocab]`. Row
   * b · target + i predicts target token i of pair b (and the EOS token after the last). Rows beyond a target are arbitrary.
   * The caller releases the tensor.
   */
  score(pairs: readonly ScoredPair[], shape: ScoreShape): Promise<DeviceTensor>;
  /** Generates targets of at most `shape.target - 1` tokens, without special tokens. */
  generate(
    sources: readonly Int32Array[],
    shape: ScoreShape,
    strategy: Strategy,
    random: () => number,
  ): Promise<number[][]>;
  /** Like {@link Teacher.generate}, and returns the probability of each target and whether it reached EOS. */
  decode(
    sources: readonly Int32Array[],
    shape: ScoreShape,
    strategy: Strategy,
    random: () => number,
  ): Promise<Decoded[]>;
  /** Returns a decoder that has read these sources, one per row of `shape.batch`. Invalidates the previous decoder. */
  start(sources: readonly Int32Array[], shape: ScoreShape): Promise<StepDecoder>;
  close(): Promise<void>;
}
