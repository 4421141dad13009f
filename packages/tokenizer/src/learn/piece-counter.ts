/** Counts the pieces of texts in limited memory. */
import { splitText, type SpaceRule } from "../text/split-patterns.js";

export interface PieceCounterOptions {
  readonly spaces: SpaceRule;
  /** Most distinct pieces in memory. Default: half a million, which need less than 1 GB until the merges are learnt. */
  readonly maxPieces?: number;
}

const MAX_PIECES = 500_000;
/** Longer pieces are split for counting: a token of this length would hardly be reused. [characters] */
const MAX_PIECE_LENGTH = 128;

/**
 * Counts pieces. If there are more distinct pieces than `maxPieces`, drops the rarest half: pieces that matter for merges are frequent from
 * early on, however long the text is.
 */
export class PieceCounter {
  readonly #spaces: SpaceRule;
  readonly #maxPieces: number;
  readonly #counts = new Map<string, number>();

  constructor({ spaces, maxPieces = MAX_PIECES }: PieceCounterOptions) {
    this.#spaces = spaces;
    this.#maxPieces = maxPieces;
  }

  /** Piece to count. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  add(text: string): void {
    for (const piece of splitText(text, this.#spaces)) {
      for (const part of piece.length > MAX_PIECE_LENGTH ? cut(piece) : [piece]) this.#count(part);
    }
  }

  #count(piece: string): void {
    const count = this.#counts.get(piece);
    if (count !== undefined) {
      this.#counts.set(piece, count + 1);
      return;
    }
    if (this.#counts.size >= this.#maxPieces) this.#forget();
    this.#counts.set(detached(piece), 1);
  }

  #forget(): void {
    for (let rarest = 1; this.#counts.size > this.#maxPieces / 2; rarest++) {
      for (const [piece, count] of this.#counts) if (count <= rarest) this.#counts.delete(piece);
    }
  }
}

/** Parts of a long piece; characters stay whole. */
function cut(piece: string): readonly string[] {
  const characters = Array.from(piece);
  const parts: string[] = [];
  for (let start = 0; start < characters.length; start += MAX_PIECE_LENGTH) {
    parts.push(characters.slice(start, start + MAX_PIECE_LENGTH).join(""));
  }
  return parts;
}

/** A copy, because V8 keeps the whole text alive as long as a slice of it. */
function detached(piece: string): string {
  return Buffer.from(piece, "utf8").toString("utf8");
}
