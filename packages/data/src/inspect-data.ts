/** Computes statistics and samples of a data file. Writes nothing. */
import { dirname } from "node:path";
import type { Tokenizer } from "@slm/tokenizer";
import type { DuplicateCounts } from "./groups/group-rows.js";
import { HashTable } from "./storage/hash-table.js";
import { imageFiles } from "./images/image-files.js";
import { ImageCounter, type ImageStatistics } from "./statistics/image-statistics.js";
import { referencesOf, type Rejection, type Row } from "./rows/row.js";
import { scanFile, type ScanSettings } from "./formats/scan-file.js";
import { sourceKey } from "./sampling/split.js";
import { StatisticsCounter, type LengthBin, type TextStatistics } from "./statistics/statistics.js";
import { CoverCounter, type VocabularyCover } from "./statistics/vocabulary-cover.js";

export interface Inspection extends TextStatistics, DuplicateCounts {
  /** Usable records. */
  readonly rows: number;
  /** Every rejected record, with the reason. */
  readonly rejected: readonly Rejection[];
  /** Rows with references. */
  readonly withReferences: number;
  readonly withImage: number;
  /** Only if rows have images. */
  readonly images?: ImageStatistics;
  /** Histogram of source lengths in characters. */
  readonly sourceHistogram: readonly LengthBin[];
  /** Histogram of target lengths in whitespace-separated tokens. */
  readonly targetHistogram: readonly LengthBin[];
  /** The first rows. */
  readonly samples: readonly Row[];
  /** Only with a tokenizer. */
  readonly cover?: VocabularyCover;
}

export interface InspectOptions extends ScanSettings {
  readonly tokenizer?: Tokenizer;
  /** Folder that image paths are relative to. Default: see {@link imageFolderOf}. */
  readonly images?: string | undefined;
  /** Number of sample rows. Default: 5. */
  readonly samples?: number;
}

/**
 * Returns counts, lengths, duplicates, samples and every rejected record of a file. With a tokenizer, also how many rows its vocabulary
 * covers and their lengths in tokens. Memory grows with the rejected records and by about a hundred bytes per row.
 *
 * Images are decoded. A row is rejected if its image cannot be used.
 *
 * @throws SlmError as {@link scanFile}.
 */
export async function inspectData(file: string, options: InspectOptions = {}): Promise<Inspection> {
  const { tokenizer, samples: sampleCount = 5 } = options;
  const counter = new StatisticsCounter();
  const repetitions = new RepetitionCounter();
  const cover = tokenizer === undefined ? undefined : new CoverCounter(tokenizer);
  const rejected: Rejection[] = [];
  const samples: Row[] = [];
  let rows = 0;
  let withReferences = 0;
  let withImage = 0;
  const files = imageFiles(options.images ?? imageFolderOf(file));
  const images = new ImageCounter();
  const seen = new HashTable();

  for await (const scanned of scanFile(file, options)) {
    if (!("row" in scanned)) {
      rejected.push(scanned);
      continue;
    }
    const { row, line } = scanned;
    const picture = row.image === undefined ? undefined : await files.identify(row);
    if (typeof picture === "string") {
      rejected.push({ line, reason: picture });
      continue;
    }
    rows++;
    counter.add(row.source, row.target);
    repetitions.add(row, picture?.key);
    if (picture !== undefined && !seen.seen(picture.key)) images.add(picture, picture.bytes);
    cover?.add(row, line);
    if (row.references !== undefined) withReferences++;
    if (row.image !== undefined) withImage++;
    if (samples.length < sampleCount) samples.push(row);
  }
  const summary = images.summary();
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
    ...(summary === undefined ? {} : { images: summary }),
    ...(cover === undefined ? {} : { cover: cover.summary() }),
  };
}

/** Default folder of image paths: the folder of the file. */
export function imageFolderOf(file: string): string {
  return dirname(file);
}

/** Counts duplicates, using only hashes. */
class RepetitionCounter {
  readonly counts: DuplicateCounts = { duplicates: 0, nearDuplicates: 0, conflicts: 0 };
  readonly #pairs = new HashTable();
  readonly #forms = new HashTable();
  readonly #sources = new HashTable();

  /** @param picture key of the row's image */
  add(row: Row, picture: string | undefined): void {
    const key = sourceKey(row.source);
    const targets = [...new Set([row.target, ...referencesOf(row)])];
    const isKnown = this.#sources.seen(JSON.stringify([picture, key]));
    for (const target of targets) {
      const isPair = this.#pairs.seen(JSON.stringify([picture, row.source, target]));
      const isForm = this.#forms.seen(JSON.stringify([picture, key, target]));
      if (isPair) this.counts.duplicates++;
      else if (isForm) this.counts.nearDuplicates++;
      else if (isKnown) this.counts.conflicts++;
    }
  }
}
