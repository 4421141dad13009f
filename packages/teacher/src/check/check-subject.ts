/** The subject of a check: a model that computes next-token logits for every position of a text. */

export interface CheckSubject {
  readonly vocabularySize: number;
  readonly parameters: number;
  /** Prepares for texts of up to `length` tokens. */
  readonly open: (length: number) => Promise<OpenSubject>;
}

interface OpenSubject {
  /** Logits float32 `[positions, vocab]` from a position, in order. Rows for positions beyond the text may follow. */
  readonly logits: (
    ids: Int32Array,
  ) => AsyncIterable<{ readonly from: number; readonly logits: Float32Array }>;
  readonly close: () => Promise<void>;
}
