/** The training pairs, tokenized for both models and kept on disk; see `TokenLists`. */
import { SlmError } from "@slm/core";
import { textRow, type Row } from "@slm/data";
import type { Tokenizer } from "@slm/tokenizer";
import {
  tokenizeRow,
  TokenListsWriter,
  type PairFileRequest,
  type PairLimits,
  type PairTokens,
  type TokenLists,
  type TokenPairs,
} from "@slm/training";
import type { RowImages } from "./row-images.js";

/** Pairs in the student's tokens and in the teacher's. */
export interface CorpusRows extends PairTokens {
  readonly teacherTokens: PairTokens;
  /** Pixel samples of each row's image, for a vision-language student. */
  readonly images?: readonly Uint8Array[];
}

export interface Corpus {
  /** The student's tokens. */
  readonly pairs: TokenPairs;
  /** The teacher's tokens. */
  readonly teacherPairs: TokenPairs;
  /** For a vision-language student. */
  readonly images?: RowImages | undefined;
  read(rows: ArrayLike<number>): Promise<CorpusRows>;
  close(): Promise<void>;
}

/** How a teacher reads rows: text only. If a row has a `teacherSource`, it replaces source and image. */
export interface TeacherReader {
  readonly limits: PairLimits;
  /** Its tokenizer, which encodes targets like the student's; undefined if it also encodes sources like the student's. */
  readonly tokenizer?: Tokenizer | undefined;
}

/** A tokenizer with the limits of its model. */
interface Reading {
  readonly tokenizer: Tokenizer;
  readonly limits: PairLimits;
}

/**
 * Tokenizes rows into a file, for the student and, if there is one, the teacher.
 *
 * @throws SlmError DATA_INVALID naming the first row that one of the models cannot read.
 */
export async function writeCorpus(request: PairFileRequest, teacher?: TeacherReader): Promise<Corpus> {
  if (teacher === undefined) return writeAlone(request);
  const { tokenizer = request.tokenizer, limits } = teacher;
  return writeShared(request, { tokenizer, limits });
}

/** Only the student's tokens. */
async function writeAlone(request: PairFileRequest): Promise<Corpus> {
  const { tokenizer, limits } = request;
  const lists = await writeLists(request, [limits.maxSource, limits.maxTarget], (row, where) =>
    tokenizeRow(row, tokenizer, limits, where),
  );
  const pairs = pairsOfLists(lists);
  return {
    pairs,
    teacherPairs: pairs,
    read: async (wanted) => {
      const tokens = await pairs.read(wanted);
      return { ...tokens, teacherTokens: tokens };
    },
    close: () => lists.close(),
  };
}

/** Shared vocabulary. A separate teacher source is a third list, which is empty if both sources are equal. */
async function writeShared(request: PairFileRequest, teacher: Reading): Promise<Corpus> {
  const { tokenizer, limits } = request;
  const sizes = [limits.maxSource, limits.maxTarget, teacher.limits.maxSource];
  const lists = await writeLists(request, sizes, (row, where) => {
    const own = tokenizeRow(row, tokenizer, limits, where);
    if (row.teacherSource === undefined && teacher.tokenizer === tokenizer) return [...own, []];
    const [source] = tokenizeRow(
      textRow(row),
      teacher.tokenizer,
      teacher.limits,
      `${where}, as the teacher reads it`,
    );
    return [...own, source];
  });
  const teacherLengths = lists.lengths[2]!.map((length, row) =>
    length === 0 ? lists.lengths[0]![row]! : length,
  );
  const read = async (wanted: ArrayLike<number>): Promise<CorpusRows> => {
    const [sources, targets, others] = (await lists.read(wanted)) as [
      Int32Array[],
      Int32Array[],
      Int32Array[],
    ];
    const teacherSources = others.map((other, index) => (other.length === 0 ? sources[index]! : other));
    return { sources, targets, teacherTokens: { sources: teacherSources, targets } };
  };
  const pairs = pairsOfLists(lists);
  return {
    pairs,
    teacherPairs: {
      count: lists.count,
      lengths: { source: teacherLengths, target: pairs.lengths.target },
      read: async (wanted) => (await read(wanted)).teacherTokens,
    },
    read,
    close: () => lists.close(),
  };
}

/** Writes the lists of every row to a file. @param limits maximum length of each list [tokens] */
async function writeLists(
  { rows, where, file }: PairFileRequest,
  limits: readonly number[],
  listsOf: (row: Row, where: string) => readonly ArrayLike<number>[],
): Promise<TokenLists> {
  const writer = await TokenListsWriter.create(file, limits);
  let count = 0;
  try {
    for await (const row of rows) {
      count += 1;
      await writer.append(listsOf(row, `${where}: row ${count}`));
    }
    if (count === 0) throw new SlmError("DATA_INVALID", `${where}: expected at least one row, got none`);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return writer.finish();
}

/** Reads the first two lists of each row as pairs. */
function pairsOfLists(lists: TokenLists): TokenPairs {
  return {
    count: lists.count,
    lengths: {
      source: lists.lengths[0]!,
      target: lists.lengths[1]!.map((length) => length + 1),
    },
    read: async (rows) => {
      const [sources = [], targets = []] = await lists.read(rows);
      return { sources, targets };
    },
  };
}

/** A corpus whose rows have images. Closing it closes the images. */
export function withImages(corpus: Corpus, images: RowImages): Corpus {
  return {
    ...corpus,
    images,
    read: async (wanted) => {
      const [rows, samples] = await Promise.all([corpus.read(wanted), images.read(wanted)]);
      return { ...rows, images: samples };
    },
    close: async () => {
      await images.close();
      await corpus.close();
    },
  };
}
