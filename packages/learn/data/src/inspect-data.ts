/** Looks at a data file and says what is in it, without changing anything. */
import type { Tokenizer } from "@slm/tokenizer";
import type { DuplicateCounts } from "./group-rows.js";
import { HashTable } from "./hash-table.js";
import { referencesOf, type Rejection, type Row } from "./row.js";
import { scanFile, type DataFile, type ScanSettings } from "./scan-file.js";
import { sourceKey } from "./split.js";
import { StatisticsCounter, type LengthBin, type TextStatistics } from "./statistics.js";
import { CoverCounter, type VocabularyCover } from "./vocabulary-cover.js";

export interface Inspection extends TextStatistics, DuplicateCounts {
  /** Records that are rows. */
  readonly rows: number;
  /** Every record that is none, and why. */
  readonly rejected: readonly Rejection[];
  /** Rows that list references. */
  readonly withReferences: number;
  readonly withImage: number;
  /** Sources by their number of characters. */
  readonly sourceHistogram: readonly LengthBin[];
  /** Targets by their number of whitespace-separated tokens. */
  readonly targetHistogram: readonly LengthBin[];
  /** The first rows. */
  readonly samples: readonly Row[];
  /** Only with a tokenizer. */
  readonly cover?: VocabularyCover;
}

export interface InspectOptions extends ScanSettings {
  readonly tokenizer?: Tokenizer;
  /** Rows shown as samples. Default 5. */
  readonly samples?: number;
}

/**
 * Counts, lengths, duplicates, samples and every rejected record of a file; with a tokenizer also how many rows its vocabulary
 * covers and in how many tokens. Memory grows with the rejected records and, by about a hundred bytes, with the rows.
 *
 * @throws SlmError as {@link scanFile}.
 */
export async function inspectData(file: DataFile, options: InspectOptions = {}): Promise<Inspection> {
  const { tokenizer, samples: sampleCount = 5 } = options;
  const counter = new StatisticsCounter();
  const repetitions = new RepetitionCounter();
  const cover = tokenizer === undefined ? undefined : new CoverCounter(tokenizer);
  const rejected: Rejection[] = [];
  const samples: Row[] = [];
  let rows = 0;
  let withReferences = 0;
  let withImage = 0;

  for await (const scanned of scanFile(file, options)) {
    if (!("row" in scanned)) {
      rejected.push(scanned);
      continue;
    }
    const { row, line } = scanned;
    rows++;
    counter.add(row.source, row.target);
    repetitions.add(row);
    cover?.add(row, line);
    if (row.references !== undefined) withReferences++;
    if (row.image !== undefined) withImage++;
    if (samples.length < sampleCount) samples.push(row);
  }
  return {
    rows,
    rejected,
    withReferences,
    withImage,
    ...repetitions.counts,
    ...counter.summary(),
    sourceHistogram: counter.sourceLengths.histogram(),
    targetHistogram: counter.targetLengths.histogram(),
    samples,
    ...(cover === undefined ? {} : { cover: cover.summary() }),
  };
}

/** Counts what comes again, from hashes alone. */
class RepetitionCounter {
  readonly counts: DuplicateCounts = { duplicates: 0, nearDuplicates: 0, conflicts: 0 };
  readonly #pairs = new HashTable();
  readonly #forms = new HashTable();
  readonly #sources = new HashTable();

  add(row: Row): void {
    const key = sourceKey(row.source);
    const targets = [...new Set([row.target, ...referencesOf(row)])];
    const isKnown = this.#sources.seen(JSON.stringify([row.image, key]));
    for (const target of targets) {
      const isPair = this.#pairs.seen(JSON.stringify([row.image, row.source, target]));
      const isForm = this.#forms.seen(JSON.stringify([row.image, key, target]));
      if (isPair) this.counts.duplicates++;
      else if (isForm) this.counts.nearDuplicates++;
      else if (isKnown) this.counts.conflicts++;
    }
  }
}
