/**
 * The tokens that may follow in one text: a state of a grammar over tokens. States are immutable, so rows and beams can share them.
 */
export interface TokenConstraint {
  /** Whether an id may follow; for EOS, whether the text may end. Cheaper than {@link mask}, which checks every id. */
  allows(id: number): boolean;
  /**
   * Sets the scores `[vocab]` of all ids that may not follow to -Infinity. EOS is allowed only if the text may end.
   *
   * @throws SlmError DATA_INVALID if no id of the vocabulary may follow.
   */
  mask(scores: Float32Array): void;
  /** The state after an allowed id, EOS excluded. */
  after(id: number): TokenConstraint;
}
