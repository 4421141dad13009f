/** An answer as a loop over its pieces. */
import { SlmError } from "@slm/core";
import { PieceQueue } from "./piece-queue.js";

/**
 * Gives the pieces of an answer as they come, and returns the answer. A reader that leaves the loop early stops it.
 *
 * @param generate answers, telling each piece, until its signal is aborted
 * @param signal stops the answer too
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
    leaving.abort(new SlmError("INTERRUPTED", "generate: the stream was left"));
    await answer.catch(() => undefined);
  }
}
