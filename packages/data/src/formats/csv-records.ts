/** Joins the lines of a CSV file into records, because a quoted field may contain line breaks. */
import type { Line } from "../rows/lines.js";
import { MAX_RECORD_BYTES } from "../rows/limits.js";
import type { Rejection } from "../rows/row.js";

/** Lines of one record, as they are in the file. */
export interface CsvRecord {
  /** Number of its first line. */
  readonly line: number;
  readonly text: string;
  /** Its separate lines, for a retry if a stray quote joined them. */
  readonly lines: readonly TextLine[];
}

type TextLine = Extract<Line, { readonly text: string }>;

/**
 * Groups lines so that each group has an even number of quotes. If a quote is open at the end of the file, or for longer
 * than the record limit, only its line is rejected and reading continues after it.
 */
export class CsvRecords {
  readonly #quote: boolean;
  /** Lines of a record with an open quote. */
  #open: TextLine[] = [];
  #openUnits = 0;

  /** @param quote whether the format has quoted fields */
  constructor(quote: boolean) {
    this.#quote = quote;
  }

  /** Adds a line and returns the record that it completes, if any. */
  *add(line: Line): Generator<CsvRecord | Rejection> {
    if ("reason" in line) {
      yield* this.#giveUp(`a quote is still open at line ${line.line}, which cannot be read`);
      yield line;
      return;
    }
    const wasOpen = this.#open.length > 0;
    if (!wasOpen && line.text.trim() === "") return;
    this.#open.push(line);
    this.#openUnits += line.text.length + 1;
    const isOdd = this.#quote && quotesOf(line.text) % 2 === 1;
    if (wasOpen === isOdd) yield this.#close();
    else if (this.#openUnits > MAX_RECORD_BYTES)
      yield* this.#giveUp(`a quote is not closed within ${MAX_RECORD_BYTES} characters`);
  }

  /** Returns the remaining records at the end of the file. */
  *end(): Generator<CsvRecord | Rejection> {
    yield* this.#giveUp("a quote is not closed");
  }

  #close(): CsvRecord {
    const lines = this.#open;
    this.#open = [];
    this.#openUnits = 0;
    return { line: lines[0]!.line, text: lines.map(({ text }) => text).join("\n"), lines };
  }

  /** Rejects the line of the open quote and reads the lines after it again. */
  *#giveUp(reason: string): Generator<CsvRecord | Rejection> {
    // Each iteration drops a line. The lines after an open quote have even numbers of quotes, so they form records at once.
    while (this.#open.length > 0) {
      const [first, ...rest] = this.#close().lines;
      yield { line: first!.line, reason };
      for (const line of rest) yield* this.add(line);
    }
  }
}

function quotesOf(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count++;
  return count;
}
