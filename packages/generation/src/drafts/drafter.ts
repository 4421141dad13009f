/** Proposes tokens of one answer. The next run of the decoder verifies them, so a wrong proposal costs time and changes nothing. */
export interface Drafter {
  /**
   * What may follow an answer.
   *
   * @param answer the tokens so far, none before the first run
   * @param room the most tokens that are of use; below 1: none
   * @param end id that ends an answer; nothing is proposed from it on
   */
  draft(answer: readonly number[], room: number, end?: number): readonly number[];
}
