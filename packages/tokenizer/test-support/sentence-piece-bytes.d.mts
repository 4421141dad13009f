/** A piece of a model; `type` is the number of the file's enumeration, 1 for a normal piece. */
export interface PieceBytes {
  readonly text: string;
  readonly score?: number;
  readonly type?: number;
}

export interface ModelBytes {
  readonly pieces: readonly PieceBytes[];
  /** Numbers and flags of the trainer's settings, by field. */
  readonly trainer?: Readonly<Record<number, number>>;
  readonly normalizer?: Readonly<Record<number, number>>;
  /** Map of characters. */
  readonly map?: Uint8Array;
}

/** The file of a model of SentencePiece. */
export function sentencePieceBytes(model: ModelBytes): Uint8Array;
