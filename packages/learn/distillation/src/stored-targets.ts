/** Targets that the teacher wrote when its cache was made, with their distributions: rows to draw batches from. */
import { DATA_FILES } from "@slm/data";
import { CACHE_ROWS, readCacheRows, type CacheRowKind } from "@slm/teacher";
import type { Tokenizer } from "@slm/tokenizer";
import { tokenizeRow, type Bucket, type PairFileRequest } from "@slm/training";
import { SlmError } from "@slm/error";
import { writeCorpus, type Corpus, type CorpusRows, type OtherTokenizer } from "./corpus.js";
import { RowDrawer } from "./row-drawer.js";

export interface StoredTargetsRequest extends Pick<PairFileRequest, "tokenizer" | "limits" | "file"> {
  /** The cache's directory. */
  readonly directory: string;
  readonly kind: CacheRowKind;
  readonly teacher?: OtherTokenizer | undefined;
}

export class StoredTargets {
  private readonly corpus: Corpus;
  private readonly drawer: RowDrawer;

  private constructor(corpus: Corpus) {
    this.corpus = corpus;
    this.drawer = new RowDrawer(corpus.pairs.lengths);
  }

  /**
   * Rows of a cache that both models can take; undefined where it has none.
   *
   * @throws SlmError DATA_INVALID for a line that is not a row.
   */
  static async open(request: StoredTargetsRequest): Promise<StoredTargets | undefined> {
    const { directory, kind, tokenizer, limits, teacher, file } = request;
    const where = CACHE_ROWS[kind];
    const readers = [{ tokenizer, limits }, ...(teacher === undefined ? [] : [teacher])];
    const rows = fitting(directory, kind, readers);
    const first = await rows.next();
    if (first.done === true) return undefined;
    const all = chain(first.value, rows);
    return new StoredTargets(await writeCorpus({ rows: all, tokenizer, limits, where, file }, teacher));
  }

  /** Rows for a program of a bucket's shape; undefined where none fits. */
  async draw(count: number, bucket: Bucket, random: () => number): Promise<CorpusRows | undefined> {
    const rows = this.drawer.draw(count, bucket, random);
    return rows.length === 0 ? undefined : this.corpus.read(rows);
  }

  close(): Promise<void> {
    return this.corpus.close();
  }
}

interface Pair {
  readonly source: string;
  readonly target: string;
}

async function* fitting(
  directory: string,
  kind: CacheRowKind,
  readers: readonly OtherTokenizer[],
): AsyncGenerator<Pair> {
  for await (const { source, target } of readCacheRows(directory, kind)) {
    const row = { source, target };
    if (readers.every(({ tokenizer, limits }) => canTake(row, tokenizer, limits))) yield row;
  }
}

/** Whether a model can read a row: its tokenizer knows the text, and neither side is too long. */
function canTake(row: Pair, tokenizer: Tokenizer, limits: OtherTokenizer["limits"]): boolean {
  try {
    tokenizeRow(row, tokenizer, limits, DATA_FILES.train);
    return true;
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return false;
    throw error;
  }
}

async function* chain(first: Pair, rest: AsyncIterable<Pair>): AsyncGenerator<Pair> {
  yield first;
  yield* rest;
}
