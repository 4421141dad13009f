/** Looks at a JSONL file and says what is in it, without changing anything. */
import { SlmError } from "@slm/error";
import type { Tokenizer } from "@slm/tokenizer";
import { scanRows } from "./read-rows.js";
import { referencesOf, type Rejection, type Row } from "./row.js";
import { StatisticsCounter, type TextStatistics } from "./statistics.js";

/** How much of a file a tokenizer can encode. */
export interface VocabularyCover {
  /** Rows whose source and every reference can be encoded. */
  readonly rows: number;
  readonly fraction: number;
  /** The first rows that cannot, 100 at most. */
  readonly missing: readonly Rejection[];
}

export interface Inspection extends TextStatistics {
  /** Lines that are rows. */
  readonly rows: number;
  /** Every line that is none, and why. */
  readonly rejected: readonly Rejection[];
  /** Rows that list references. */
  readonly withReferences: number;
  /** Pairs of source and target met again. */
  readonly duplicates: number;
  /** The first rows. */
  readonly samples: readonly Row[];
  /** Only with a tokenizer. */
  readonly cover?: VocabularyCover;
}

export interface InspectOptions {
  readonly tokenizer?: Tokenizer;
  /** Rows shown as samples. Default 5. */
  readonly samples?: number;
}

const MAX_MISSING = 100;

/**
 * Counts, lengths, duplicates, samples and every rejected line of a JSONL file; with a tokenizer also how many rows
 * its vocabulary covers.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read.
 */
export async function inspectData(path: string, options: InspectOptions = {}): Promise<Inspection> {
  const { tokenizer, samples: sampleCount = 5 } = options;
  const counter = new StatisticsCounter();
  const seen = new Set<string>();
  const rejected: Rejection[] = [];
  const missing: Rejection[] = [];
  const samples: Row[] = [];
  let rows = 0;
  let withReferences = 0;
  let duplicates = 0;
  let covered = 0;

  for await (const scanned of scanRows(path)) {
    if (!("row" in scanned)) {
      rejected.push(scanned);
      continue;
    }
    const { row, line } = scanned;
    rows++;
    counter.add(row.source, row.target);
    if (row.references !== undefined) withReferences++;
    if (samples.length < sampleCount) samples.push(row);
    const pair = JSON.stringify([row.source, row.target]);
    if (seen.has(pair)) duplicates++;
    seen.add(pair);
    if (tokenizer === undefined) continue;
    const reason = whyNotEncoded(tokenizer, row);
    if (reason === undefined) covered++;
    else if (missing.length < MAX_MISSING) missing.push({ line, reason });
  }
  const cover = { rows: covered, fraction: rows === 0 ? 0 : covered / rows, missing };
  return {
    rows,
    rejected,
    withReferences,
    duplicates,
    ...counter.summary(),
    samples,
    ...(tokenizer === undefined ? {} : { cover }),
  };
}

function whyNotEncoded(tokenizer: Tokenizer, row: Row): string | undefined {
  try {
    tokenizer.encodeSource(row.source);
    for (const target of new Set([row.target, ...referencesOf(row)])) tokenizer.encodeTarget(target);
    return undefined;
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return error.message;
    throw error;
  }
}
