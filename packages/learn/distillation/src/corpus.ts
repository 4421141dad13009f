/** The training pairs as both models read them. Kept on disk; see `TokenLists`. */
import { SlmError } from "@slm/error";
import type { Row } from "@slm/data";
import type { Tokenizer } from "@slm/tokenizer";
import {
  tokenizeRow,
  TokenListsWriter,
  writePairs,
  type PairFileRequest,
  type PairLimits,
  type PairTokens,
  type TokenLists,
  type TokenPairs,
} from "@slm/training";
import { alignPositions } from "./align.js";

/** Pairs in the teacher's tokens. */
export interface TaughtTokens extends PairTokens {
  /** Of each student position its counterpart, by row; absent where both have one vocabulary and so the same positions. */
  readonly alignments?: readonly Int32Array[];
}

/** Pairs in the student's tokens and in the teacher's. */
export interface CorpusRows extends PairTokens {
  readonly taught: TaughtTokens;
}

export interface Corpus {
  /** In the student's tokens. */
  readonly pairs: TokenPairs;
  /** In the teacher's tokens. */
  readonly taught: TokenPairs;
  read(rows: ArrayLike<number>): Promise<CorpusRows>;
  close(): Promise<void>;
}

/** The tokenizer and limits of a teacher that has a vocabulary of its own. */
export interface OtherTokenizer {
  readonly tokenizer: Tokenizer;
  readonly limits: PairLimits;
}

/**
 * Tokenizes rows into a file, by the teacher's tokenizer too where it has its own.
 *
 * @throws SlmError DATA_INVALID naming the first row that one of the models cannot take.
 */
export async function writeCorpus(request: PairFileRequest, teacher?: OtherTokenizer): Promise<Corpus> {
  if (teacher !== undefined) return writeAligned(request, teacher);
  const pairs = await writePairs(request);
  const read = async (rows: ArrayLike<number>): Promise<CorpusRows> => {
    const tokens = await pairs.read(rows);
    return { ...tokens, taught: tokens };
  };
  return { pairs, taught: pairs, read, close: () => pairs.close() };
}

async function writeAligned(
  { rows, tokenizer, limits, where, file }: PairFileRequest,
  teacher: OtherTokenizer,
): Promise<Corpus> {
  const { maxSource, maxTarget } = limits;
  const theirs = teacher.limits;
  const writer = await TokenListsWriter.create(file, [
    maxSource,
    maxTarget,
    theirs.maxSource,
    theirs.maxTarget,
    maxTarget,
  ]);
  let count = 0;
  try {
    for await (const row of rows) {
      count += 1;
      await writer.append(bothTokens(row, { tokenizer, limits }, teacher, `${where}: row ${count}`));
    }
    if (count === 0) throw new SlmError("DATA_INVALID", `${where}: expected at least one row, got none`);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const lists = await writer.finish();
  return {
    pairs: twoOf(lists, 0, 1),
    taught: twoOf(lists, 2, 3),
    read: async (wanted) => {
      const [sources, targets, taughtSources, taughtTargets, alignments] = await lists.read(wanted);
      return {
        sources: sources!,
        targets: targets!,
        taught: { sources: taughtSources!, targets: taughtTargets!, alignments: alignments! },
      };
    },
    close: () => lists.close(),
  };
}

function bothTokens(
  row: Row,
  student: OtherTokenizer,
  teacher: OtherTokenizer,
  where: string,
): ArrayLike<number>[] {
  const [source, target] = tokenizeRow(row, student.tokenizer, student.limits, where);
  const theirs = tokenizeRow(row, teacher.tokenizer, teacher.limits, `${where}, teacher's tokens`);
  const alignment = alignPositions(
    { decoder: student.tokenizer, tokens: target },
    { decoder: teacher.tokenizer, tokens: theirs[1] },
  );
  return [source, target, ...theirs, alignment];
}

/** Two lists of each row as pairs. */
function twoOf(lists: TokenLists, source: number, target: number): TokenPairs {
  return {
    count: lists.count,
    lengths: {
      source: lists.lengths[source]!,
      target: lists.lengths[target]!.map((length) => length + 1),
    },
    read: async (rows) => {
      const read = await lists.read(rows);
      return { sources: read[source]!, targets: read[target]! };
    },
  };
}
