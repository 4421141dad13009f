/** Puts the lines of a CSV file together to records: a quoted field may hold line ends. */
import type { Line } from "../rows/lines.js";
import { MAX_RECORD_BYTES } from "../rows/limits.js";
import type { Rejection } from "../rows/row.js";

/** Lines that belong together, as they stand in the file. */
export interface CsvRecord {
  /** Of the first of its lines. */
  readonly line: number;
  readonly text: string;
  /** Its lines apart, for a second try where a quote opened nothing. */
  readonly lines: readonly TextLine[];
}

type TextLine = Extract<Line, { readonly text: string }>;

/**
 * Groups lines so that each group has an even number of quotes. Where a quote stays open to the end of the file, or over more
 * than a record may hold, its line alone is rejected and reading goes on behind it.
 */
export class CsvRecords {
  readonly #quote: boolean;
  /** Lines of a record whose quote is open. */
  #open: TextLine[] = [];
  #openUnits = 0;

  /** @param quote whether quotes mean anything */
  constructor(quote: boolean) {
    this.#quote = quote;
  }

  /** What a line completes. */
  *add(line: Line): Generator<CsvRecord | Rejection> {
    if ("reason" in line) {
      yield* this.#giveUp(`a quote is open where line ${line.line} cannot be read`);
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

  /** What is left at the end of the file. */
  *end(): Generator<CsvRecord | Rejection> {
    yield* this.#giveUp("a quote is not closed");
  }

  #close(): CsvRecord {
    const lines = this.#open;
    this.#open = [];
    this.#openUnits = 0;
    return { line: lines[0]!.line, text: lines.map(({ text }) => text).join("\n"), lines };
  }

  /** Rejects the line of the open quote and reads the lines behind it again. */
  *#giveUp(reason: string): Generator<CsvRecord | Rejection> {
    // Each turn drops a line; lines behind an open quote have even numbers of quotes, so they close at once.
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
