/** Measures how much of a file's text a tokenizer can encode, and the lengths in tokens. */
import { SlmError } from "@slm/core";
import type { Tokenizer } from "@slm/tokenizer";
import { referencesOf, type Rejection, type Row } from "../rows/row.js";
import { LengthCounter, type LengthSummary } from "./statistics.js";

/** Token counts of one side. */
interface TokenCount extends LengthSummary {
  /** Tokens per text. */
  readonly mean: number;
  /** Unknown tokens: text outside the vocabulary. */
  readonly unknown: number;
}

export interface VocabularyCover {
  /** Rows that can be encoded without unknown tokens, including all references. */
  readonly rows: number;
  readonly fraction: number;
  /** The first 100 rows that cannot be encoded. */
  readonly missing: readonly Rejection[];
  /** Lengths of texts that can be encoded [tokens]. */
  readonly sourceTokens: TokenCount;
  readonly targetTokens: TokenCount;
}

const MAX_MISSING = 100;

export class CoverCounter {
  readonly #tokenizer: Tokenizer;
  readonly #missing: Rejection[] = [];
  readonly #source = new TokenCounter();
  readonly #target = new TokenCounter();
  #rows = 0;
  #covered = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  add(row: Row, line: number): void {
    this.#rows++;
    const reason = this.#encode(row);
    if (reason === undefined) this.#covered++;
    else if (this.#missing.length < MAX_MISSING) this.#missing.push({ line, reason });
  }

  summary(): VocabularyCover {
    return {
      rows: this.#covered,
      fraction: this.#rows === 0 ? 0 : this.#covered / this.#rows,
      missing: this.#missing,
      sourceTokens: this.#source.summary(),
      targetTokens: this.#target.summary(),
    };
  }

  /** Encodes all texts of a row. Returns the reason if this fails or results in unknown tokens. */
  #encode(row: Row): string | undefined {
    const { unknown } = this.#tokenizer.tokens;
    try {
      let strangers = this.#source.add(this.#tokenizer.encodeSource(row.source), unknown);
      for (const target of new Set([row.target, ...referencesOf(row)]))
        strangers += this.#target.add(this.#tokenizer.encodeTarget(target), unknown);
      return strangers === 0 ? undefined : `tokenizer: ${strangers} unknown tokens`;
    } catch (error) {
      if (error instanceof SlmError && error.code === "DATA_INVALID") return error.message;
      throw error;
    }
  }
}

class TokenCounter {
  readonly #lengths = new LengthCounter();
  #texts = 0;
  #unknown = 0;

  /** @returns number of unknown tokens */
  add(ids: readonly number[], unknown: number): number {
    const strangers = ids.filter((id) => id === unknown).length;
    this.#lengths.add(ids.length);
    this.#texts++;
    this.#unknown += strangers;
    return strangers;
  }

  summary(): TokenCount {
    const mean = this.#texts === 0 ? 0 : this.#lengths.sum / this.#texts;
    return { ...this.#lengths.summary(), mean, unknown: this.#unknown };
  }
}
