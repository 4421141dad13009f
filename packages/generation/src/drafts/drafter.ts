/** Proposes tokens for one answer. The next decoder run verifies them, so a wrong proposal costs time but does not change the answer. */
export interface Drafter {
  /**
   *
   * Proposes tokens that may follow an answer.
   *
   * @param answer the tokens so far; empty before the first run
   * @param room maximum number of useful tokens; below 1, nothing is proposed
   * @param end id that ends an answer; nothing is proposed after it
   */
  draft(answer: readonly number[], room: number, end?: number): readonly number[];
}
