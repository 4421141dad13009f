/** Formats of files of answers: JSON lines, tables, or plain text. */
import { SlmError } from "@slm/core/errors";
import { extname } from "node:path";
import type { AnsweredRow } from "./answer-rows.js";

export type AnswerFormatName = "jsonl" | "csv" | "tsv" | "text";

export interface AnswerFormat {
  /** The first line of a file whose first record has these columns; undefined if the format has no header. */
  readonly header: (columns: readonly string[]) => string | undefined;
  /** The line of a record. */
  readonly line: (row: AnsweredRow, columns: readonly string[]) => string;
}

/** Columns that are added to those of the input. */
const ADDED = ["prediction", "answer", "confidence", "logProbability", "abstained", "error"] as const;

type Added = Readonly<Partial<Record<(typeof ADDED)[number], unknown>>>;

function addedTo(row: AnsweredRow): Added {
  if (row.kind === "blank") return {};
  if (row.kind === "error") return { error: `${row.code}: ${row.message}` };
  const { prediction, answer, confidence, logProbability, abstained } = row;
  return { prediction, answer, confidence, logProbability, abstained };
}

/** The columns of the input, without those that the added columns replace. */
const kept = (columns: readonly string[]): readonly string[] =>
  columns.filter((name) => !ADDED.some((added) => added === name));

function table(separator: string, quoted: RegExp): AnswerFormat {
  const cell = (value: unknown): string => {
    if (value === undefined || value === null) return "";
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return quoted.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return {
    header: (columns) => [...kept(columns), ...ADDED].map(cell).join(separator),
    line: (row, columns) => {
      const own = row.kind === "blank" ? {} : row.columns;
      const added = addedTo(row);
      return [...kept(columns).map((name) => own[name]), ...ADDED.map((name) => added[name])]
        .map(cell)
        .join(separator);
    },
  };
}

export const ANSWER_FORMATS: Readonly<Record<AnswerFormatName, AnswerFormat>> = {
  jsonl: {
    header: () => undefined,
    line: (row) => {
      if (row.kind === "blank") return "";
      if (row.kind === "answer") return JSON.stringify({ ...row.columns, ...addedTo(row) });
      const { line, code, message, columns } = row;
      return JSON.stringify({ ...columns, error: { line, code, message } });
    },
  },
  // RFC 4180: a cell with a separator, a quote or a line break is quoted, and quotes are doubled.
  csv: table(",", /[",\r\n]/u),
  tsv: table("\t", /["\t\r\n]/u),
  // One line per prompt. A line break in an answer would shift the answers after it.
  text: {
    header: () => undefined,
    line: (row) => (row.kind === "answer" ? (row.answer ?? row.prediction).replaceAll(/\r?\n/gu, " ") : ""),
  },
};

const BY_ENDING: Readonly<Record<string, AnswerFormatName>> = {
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".tsv": "tsv",
  ".txt": "text",
};

/**
 * Chooses the format of the answers by the extension of `output`, else by that of the input, else JSON lines.
 *
 * @throws SlmError USAGE for an output with an unknown extension
 */
export function answerFormatOf(input: string, output: string | undefined): AnswerFormatName {
  const format = BY_ENDING[extname(output ?? input).toLowerCase()];
  if (format !== undefined) return format;
  if (output === undefined) return "jsonl";
  throw new SlmError(
    "USAGE",
    `--output: expected a name that ends in ${Object.keys(BY_ENDING).join(", ")}, got ${output}`,
    { suggestions: [`--output ${output}.jsonl`] },
  );
}
