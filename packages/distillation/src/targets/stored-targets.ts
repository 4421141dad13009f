/** Reads targets that the teacher generated in the cache stage, and their distributions, as additional row sets. */
import { join } from "node:path";
import { DATA_FILES, readRows, textRow, type Row } from "@slm/data";
import { CACHE_ROWS, readCacheRows, type CacheRowKind, type TeacherRow } from "@slm/teacher";
import type { Tokenizer } from "@slm/tokenizer";
import { tokenizeRow, type PairFileRequest, type PairLimits, type TokenPairs } from "@slm/training";
import { SlmError } from "@slm/core";
import { writeCorpus, type Corpus, type CorpusRows, type TeacherReader } from "../sources/corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { textLimits } from "../sources/open-corpus.js";
import type { RowImages } from "../sources/row-images.js";
import { STORED_TARGETS, type TargetOrigin } from "../config/target-shares.js";

/** Directories for the tokens during the run. */
export const STORED_FILES: Readonly<Record<CacheRowKind, string>> = {
  labelled: "labelled.bin",
  generated: "generated.bin",
};

/** Stored targets by origin. */
export type StoredByOrigin = Readonly<Partial<Record<TargetOrigin, StoredTargets>>>;

/**
 * The stored targets of the origins with a positive fraction; empty without a cache.
 *
 * @param images images of the training rows, for a vision-language student
 * @throws SlmError as {@link StoredTargets.open}
 */
export async function openStoredTargets(
  { settings, inputs, config, tokenizer }: DistillRun,
  teacher: TeacherReader | undefined,
  images: RowImages | undefined,
): Promise<StoredByOrigin> {
  const { cacheDirectory: directory, workDirectory, dataDirectory } = inputs;
  if (directory === undefined) return {};
  const common = { directory, tokenizer, limits: textLimits(config), teacher };
  const stored: Partial<Record<TargetOrigin, StoredTargets>> = {};
  try {
    for (const { origin, kind, fraction } of STORED_TARGETS) {
      if (settings.targets[fraction] === 0) continue;
      const file = join(workDirectory, STORED_FILES[kind]);
      const rows = readRows(join(dataDirectory, DATA_FILES.train));
      const seen = images && { rows, images };
      const targets = await StoredTargets.open({ ...common, kind, seen, file });
      if (targets !== undefined) stored[origin] = targets;
    }
    return stored;
  } catch (error) {
    for (const targets of Object.values(stored)) await targets.close();
    throw error;
  }
}

export interface StoredTargetsRequest extends Pick<PairFileRequest, "tokenizer" | "limits" | "file"> {
  /** The cache's directory. */
  readonly directory: string;
  readonly kind: CacheRowKind;
  readonly teacher?: TeacherReader | undefined;
  /** The training rows of the targets, with their images, for a vision-language student. */
  readonly seen?: { readonly rows: AsyncIterable<Row>; readonly images: RowImages } | undefined;
}

export class StoredTargets {
  private readonly corpus: Corpus;
  private readonly images: RowImages | undefined;
  /** Index of each row's training row. */
  private readonly places: Int32Array;
  /** Rows by labeller. */
  readonly labellers: Readonly<Record<string, number>>;

  private constructor(corpus: Corpus, images: RowImages | undefined, { places, labellers }: ToldRows) {
    this.corpus = corpus;
    this.images = images;
    this.places = Int32Array.from(places);
    this.labellers = Object.fromEntries(labellers);
  }

  /**
   * Rows of a cache that both models can read; undefined if there are none.
   *
   * @throws SlmError DATA_INVALID for a line that is not a row.
   */
  static async open(request: StoredTargetsRequest): Promise<StoredTargets | undefined> {
    const { kind, tokenizer, limits, teacher, seen, file } = request;
    const where = CACHE_ROWS[kind];
    const known: ToldRows = { places: [], labellers: new Map() };
    const rows = told(fitting(request), known);
    const first = await rows.next();
    if (first.done === true) return undefined;
    const corpus = await writeCorpus(
      { rows: chain(first.value, rows), tokenizer, limits, where, file },
      teacher,
    );
    return new StoredTargets(corpus, seen?.images, known);
  }

  /** Lengths of the rows in the student's tokens. */
  get lengths(): TokenPairs["lengths"] {
    return this.corpus.pairs.lengths;
  }

  async read(wanted: ArrayLike<number>): Promise<CorpusRows> {
    const rows = await this.corpus.read(wanted);
    if (this.images === undefined) return rows;
    return { ...rows, images: await this.images.read(Array.from(wanted, (row) => this.places[row]!)) };
  }

  /** The images are not closed here; they belong to the caller. */
  close(): Promise<void> {
    return this.corpus.close();
  }
}

/** A row and, for a vision-language student, its training row. */
interface StoredRow {
  readonly row: Row;
  readonly place: number;
  readonly labeller: TeacherRow["labeller"];
}

/** Metadata of the rows. */
interface ToldRows {
  readonly places: number[];
  readonly labellers: Map<string, number>;
}

/** Labeller of rows in caches that do not name one. */
const UNNAMED = "teacher";

async function* fitting(request: StoredTargetsRequest): AsyncGenerator<StoredRow> {
  const { directory, kind, tokenizer, limits, teacher, seen } = request;
  const written = readCacheRows(directory, kind);
  for await (const stored of seen === undefined ? plain(written) : joined(written, seen.rows)) {
    const fits =
      canTake(stored.row, tokenizer, limits) &&
      (teacher === undefined || canTake(textRow(stored.row), teacher.tokenizer ?? tokenizer, teacher.limits));
    if (fits) yield stored;
  }
}

async function* plain(written: AsyncIterable<TeacherRow>): AsyncGenerator<StoredRow> {
  for await (const { source, target, labeller } of written)
    yield { row: { source, target }, place: 0, labeller };
}

/** Rows of a cache with the student's inputs, in the order of the training rows. */
async function* joined(
  written: AsyncIterable<TeacherRow>,
  trained: AsyncIterable<Row>,
): AsyncGenerator<StoredRow> {
  const candidates = trained[Symbol.asyncIterator]();
  let place = -1;
  for await (const { source: teacherSource, target, labeller } of written) {
    for (;;) {
      const next = await candidates.next();
      if (next.done === true)
        throw new SlmError(
          "DATA_INVALID",
          `${CACHE_ROWS.generated}: the source of a target is not in the training rows`,
          {
            suggestions: ["create the cache from these rows: slm teacher cache RECIPE"],
          },
        );
      place += 1;
      const { source } = next.value;
      if (textRow(next.value).source !== teacherSource) continue;
      yield { row: { source, target, teacherSource }, place, labeller };
      break;
    }
  }
}

/** Whether a model can read a row: its tokenizer can encode the text, and neither side is too long. */
function canTake(row: Row, tokenizer: Tokenizer, limits: PairLimits): boolean {
  try {
    tokenizeRow(row, tokenizer, limits, DATA_FILES.train);
    return true;
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return false;
    throw error;
  }
}

/** Yields the rows, and records their training rows and labellers. */
async function* told(stored: AsyncIterable<StoredRow>, { places, labellers }: ToldRows): AsyncGenerator<Row> {
  for await (const { row, place, labeller = UNNAMED } of stored) {
    places.push(place);
    labellers.set(labeller, (labellers.get(labeller) ?? 0) + 1);
    yield row;
  }
}

async function* chain(first: Row, rest: AsyncIterable<Row>): AsyncGenerator<Row> {
  yield first;
  yield* rest;
}
