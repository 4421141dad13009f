/** Streams an answer as an async iterator of pieces. */
import { SlmError } from "@slm/core";
import { PieceQueue } from "./piece-queue.js";

/**
 * Yields the pieces of an answer as they arrive, and returns the answer. Leaving the loop early stops the generation.
 *
 * @param generate generates the answer and calls back with each piece, until its signal is aborted
 * @param signal also stops the generation
 * @throws whatever `generate` throws, after the last piece
 */
export async function* streamPieces<Answer>(
  generate: (onPiece: (piece: string) => void, signal: AbortSignal) => Promise<Answer>,
  signal?: AbortSignal,
): AsyncGenerator<string, Answer> {
  const leaving = new AbortController();
  const pieces = new PieceQueue();
  const stop = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const answer = generate((piece) => {
    pieces.push(piece);
  }, stop).finally(() => {
    pieces.end();
  });
  answer.catch(() => undefined); // Awaited below, after the last piece.
  try {
    yield* pieces;
    return await answer;
  } finally {
    leaving.abort(new SlmError("INTERRUPTED", "generate: the caller stopped reading the stream"));
    await answer.catch(() => undefined);
  }
}
