/** Scoring with a ready graph: next-token logits over given targets. */
import type { ScoredPair, ScoreShape } from "../teacher.js";
import { DecoderRun, rowsAtOnce, type LoadedDecoder } from "./decoder-run.js";

/** Marks that a row is put together with. */
interface RowSpecialTokens {
  readonly bos: number;
  readonly pad: number;
}

/**
 * Logits of every target position of `[source ; bos ; target]`: float32 `[batch · target, vocab]`, as `Teacher.score`.
 * Rows are padded behind their end, where no earlier position looks.
 */
export async function graphScores(
  decoder: LoadedDecoder,
  pairs: readonly ScoredPair[],
  shape: ScoreShape,
  marks: RowSpecialTokens,
): Promise<Float32Array> {
  const { vocabularySize } = decoder;
  const scores = new Float32Array(shape.batch * shape.target * vocabularySize);
  for (let from = 0; from < pairs.length;) {
    const count = piece(decoder, pairs.slice(from));
    await scorePiece(decoder, pairs.slice(from, from + count), marks, (row, position, logits) => {
      scores.set(logits, ((from + row) * shape.target + position) * vocabularySize);
    });
    from += count;
  }
  return scores;
}

const lengthOf = ({ source, target }: ScoredPair): number => source.length + 1 + target.length;
const longest = (pairs: readonly ScoredPair[]): number => Math.max(...pairs.map(lengthOf));

/** Last positions that hold the targets of all rows. */
const positionsWanted = (pairs: readonly ScoredPair[]): number =>
  longest(pairs) - Math.min(...pairs.map(({ source }) => source.length));

/** How many of the first pairs are read together. */
function piece(decoder: LoadedDecoder, pairs: readonly ScoredPair[]): number {
  let count = 1;
  while (count < pairs.length) {
    const more = pairs.slice(0, count + 1);
    if (more.length > rowsAtOnce(decoder, longest(more), positionsWanted(more))) break;
    count += 1;
  }
  return count;
}

async function scorePiece(
  decoder: LoadedDecoder,
  pairs: readonly ScoredPair[],
  { bos, pad }: RowSpecialTokens,
  take: (row: number, position: number, logits: Float32Array) => void,
): Promise<void> {
  const { vocabularySize } = decoder;
  const length = longest(pairs);
  const wanted = positionsWanted(pairs);
  const ids = new Int32Array(pairs.length * length).fill(pad);
  pairs.forEach(({ source, target }, row) => {
    ids.set(source, row * length);
    ids[row * length + source.length] = bos;
    ids.set(target, row * length + source.length + 1);
  });
  const run = new DecoderRun(decoder, pairs.length);
  try {
    const logits = await run.read(ids, wanted);
    pairs.forEach(({ source, target }, row) => {
      const first = row * wanted + source.length - (length - wanted);
      for (let at = 0; at <= target.length; at++)
        take(row, at, logits.subarray((first + at) * vocabularySize, (first + at + 1) * vocabularySize));
    });
  } finally {
    await run.close();
  }
}
