/** Reads rows to choose the tokenizer, the metric and the lengths of a new recipe. */
import { scanFile, type FileSettings, type Row } from "@slm/data";
import type { MetricName } from "@slm/metrics";
import { shellWord, SlmError } from "@slm/core/errors";
import {
  createTokenizer,
  tokenizerConfig,
  trainTokenizer,
  type TrainedTokenizerConfig,
} from "@slm/tokenizer";

/** A new recipe's settings that depend on the task, with the reasons. */
export interface TaskFacts {
  readonly rows: number;
  /** Records that are not rows, and the first of them. */
  readonly rejected: { readonly count: number; readonly first: string } | undefined;
  /** Share of the rows that have the most frequent target, 0 to 1. */
  readonly mostFrequentTarget: number;
  readonly tokenizer: TrainedTokenizerConfig;
  readonly tokenizerReason: string;
  readonly metric: MetricName;
  readonly metricReason: string;
  /** Limits of the models [tokens]. */
  readonly maxSource: number;
  readonly maxTarget: number;
  /** Longer sources are skipped [characters]; undefined if all are short enough. */
  readonly longestSource: number | undefined;
  /** Short sources of the first rows, to try the model with. */
  readonly examples: readonly string[];
}

/** Sources to try a model with, and the longest of them [characters]. */
const EXAMPLES = { count: 4, longest: 100 };

/** Rows that a tokenizer is tried on. */
const TRIED_ROWS = 20_000;
/** Longer sources are skipped, because attention over them takes too long for a first recipe [characters]. */
const LONG_SOURCE = 4000;
/** Factor on the longest text seen, because later rows can be longer and can have words that BPE has not merged. */
const HEADROOM = { symbols: 1.25, bpe: 2 } as const;
/** Minimum limit of the models [tokens]. */
const LEAST_LENGTH = 16;
/** Limits are multiples of this [tokens]. */
const LENGTH_STEP = 8;
/** The words of targets count as a closed set of symbols if there are at most this many different ones. */
const MOST_SYMBOLS = 200;
/** Minimum mean number of uses of each word of a closed set. */
const LEAST_USES = 4;
/** Sources up to this length, at the 95th percentile, are read letter by letter [characters]. */
const LETTERS = 48;
/** A task is a classification with at most this many different targets, and at least this many rows per target. */
const CLASSES = { most: 100, rows: 5 };
/** Targets of at least this length are prose [words, median]. */
const PROSE = 8;
/** Vocabulary sizes by the size of the training text [characters]. */
const VOCABULARIES = [
  { below: 100_000, size: 512 },
  { below: 2_000_000, size: 2048 },
  { below: Number.POSITIVE_INFINITY, size: 8192 },
] as const;

/**
 * Reads all rows of a file. Memory grows with the first {@link TRIED_ROWS} rows.
 *
 * @throws SlmError as reading does; DATA_INVALID if there are no rows
 */
export async function readTaskFacts(path: string, settings: FileSettings): Promise<TaskFacts> {
  const seen = new TaskCounter();
  let reason: string | undefined;
  for await (const scanned of scanFile(path, settings)) {
    if ("row" in scanned) seen.add(scanned.row);
    else {
      seen.rejected++;
      reason ??= `line ${scanned.line}: ${scanned.reason}`;
    }
  }
  if (seen.rows === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `init: ${path}: expected at least one row, got none; ${reason ?? "the file is empty"}`,
      {
        context: { path },
        suggestions: [`slm data inspect ${shellWord(path)}`],
      },
    );
  }
  const facts = await seen.facts();
  const rejected = reason === undefined ? undefined : { count: seen.rejected, first: reason };
  return { ...facts, rejected };
}

interface ChosenTokenizer extends Pick<TaskFacts, "tokenizer" | "tokenizerReason"> {
  readonly lengths: Pick<TaskFacts, "maxSource" | "maxTarget">;
}

class TaskCounter {
  rows = 0;
  rejected = 0;
  readonly #first: Row[] = [];
  readonly #words = new Map<string, number>();
  /** Uses of the first targets: enough of them to know whether they are classes. */
  readonly #targets = new Map<string, number>();
  readonly #sourceLengths: number[] = [];
  readonly #targetWords: number[] = [];
  #characters = 0;
  #isJson = true;
  #isLong = false;

  add(row: Row): void {
    this.rows++;
    const { source, target } = row;
    if (source.length > LONG_SOURCE) {
      this.#isLong = true;
      return;
    }
    this.#characters += source.length + target.length;
    if (this.#first.length < TRIED_ROWS) this.#first.push(row);
    this.#sourceLengths.push(source.length);
    const words = target.split(/\s+/u).filter((word) => word !== "");
    this.#targetWords.push(words.length);
    for (const word of words)
      if (this.#words.size <= MOST_SYMBOLS || this.#words.has(word))
        this.#words.set(word, (this.#words.get(word) ?? 0) + 1);
    const uses = this.#targets.get(target);
    if (uses !== undefined || this.#targets.size <= CLASSES.most) this.#targets.set(target, (uses ?? 0) + 1);
    this.#isJson &&= isJsonAnswer(target);
  }

  async facts(): Promise<Omit<TaskFacts, "rejected">> {
    const { tokenizer, tokenizerReason, lengths } = (await this.#symbols()) ?? (await this.#bpe());
    return {
      rows: this.rows,
      mostFrequentTarget: Math.max(0, ...this.#targets.values()) / this.rows,
      tokenizer,
      tokenizerReason,
      ...this.#chooseMetric(),
      ...lengths,
      longestSource: this.#isLong ? LONG_SOURCE : undefined,
      examples: this.#examples(),
    };
  }

  #examples(): readonly string[] {
    const short = this.#first
      .map(({ source }) => source.trim())
      .filter((source) => source !== "" && source.length <= EXAMPLES.longest);
    return [...new Set(short)].slice(0, EXAMPLES.count);
  }

  /** One token per character and symbol; undefined if the rows are not words of a closed set of symbols. */
  async #symbols(): Promise<ChosenTokenizer | undefined> {
    const uses = [...this.#words.values()].reduce((sum, count) => sum + count, 0);
    const isClosed = this.#words.size <= MOST_SYMBOLS && uses >= LEAST_USES * this.#words.size;
    if (!isClosed || percentile(this.#sourceLengths, 0.95) > LETTERS) return undefined;
    const tokenizer = trainedConfig({ kind: "symbols" });
    try {
      const lengths = await this.#lengths(tokenizer);
      const tokenizerReason = `One token per character of a source and per word of a target, because sources are short and targets have only ${this.#words.size} different words.`;
      return { tokenizer, tokenizerReason, lengths };
    } catch (error) {
      // It rejects texts that it cannot reproduce: spaces in sources, or a symbol on both sides.
      if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
      throw error;
    }
  }

  async #bpe(): Promise<ChosenTokenizer> {
    const { size } = VOCABULARIES.find(({ below }) => this.#characters < below)!;
    const tokenizer = trainedConfig({ kind: "bpe", vocabularySize: size });
    const tokenizerReason = "Byte-level BPE, which reads and writes any text.";
    return { tokenizer, tokenizerReason, lengths: await this.#lengths(tokenizer) };
  }

  #chooseMetric(): Pick<TaskFacts, "metric" | "metricReason"> {
    const { size } = this.#targets;
    if (this.#isJson) return { metric: "jsonExactMatch", metricReason: "targets are JSON" };
    if (size <= CLASSES.most && this.rows >= CLASSES.rows * size)
      return {
        metric: "exactMatch",
        metricReason: `with ${size} different targets, this is the accuracy`,
      };
    if (percentile(this.#targetWords, 0.5) >= PROSE)
      return {
        metric: "rougeL",
        metricReason: "targets are prose, which can be correct in more than one form",
      };
    return { metric: "exactMatch", metricReason: "targets are short, and either correct or wrong" };
  }

  async #lengths(settings: TaskFacts["tokenizer"]): Promise<Pick<TaskFacts, "maxSource" | "maxTarget">> {
    const tokenizer = createTokenizer(await trainTokenizer(this.#first, settings));
    const longest = (side: "source" | "target", encode: (text: string) => readonly number[]): number =>
      this.#first.reduce((most, row) => Math.max(most, encode(row[side]).length), 0);
    const roomy = (tokens: number): number =>
      Math.max(LEAST_LENGTH, Math.ceil((tokens * HEADROOM[settings.kind]) / LENGTH_STEP) * LENGTH_STEP);
    return {
      maxSource: roomy(longest("source", (text) => tokenizer.encodeSource(text))),
      // One more for EOS.
      maxTarget: roomy(longest("target", (text) => tokenizer.encodeTarget(text)) + 1),
    };
  }
}

/** Fills in the defaults. */
function trainedConfig(settings: {
  readonly kind: "bpe" | "symbols";
  readonly vocabularySize?: number;
}): TrainedTokenizerConfig {
  const parsed = tokenizerConfig.parse(settings);
  if (parsed.kind === "pretrained") throw new Error("expected settings of a trained tokenizer");
  return parsed;
}

function isJsonAnswer(text: string): boolean {
  if (!/^\s*[{[]/u.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Percentile by nearest rank; 0 without values. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
