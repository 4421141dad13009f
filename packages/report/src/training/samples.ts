/** Predictions of a trained model with their references, from `samples.jsonl`. */
import { ifThere, readTextFile } from "@slm/core";
import { z } from "zod";
import type { ReportSection, Table, TableCell } from "../page.js";
import { readJsonLines } from "./json-lines.js";

/** Name of the file in a run's directory. */
export const SAMPLES_FILE = "samples.jsonl";

/** The first characters of a PNG file in base64. */
const PNG_BASE64 = /^iVBORw0KGg[a-zA-Z0-9+/]+=*$/;

const sample = z.looseObject({
  source: z.string(),
  image: z.string().optional().describe("Path of the source's image."),
  thumbnail: z
    .string()
    .regex(PNG_BASE64)
    .optional()
    .describe("Thumbnail of the image: a PNG file in base64."),
  target: z.string().describe("The expected answer."),
  references: z
    .array(z.string())
    .optional()
    .describe("All accepted answers; absent if only the target is accepted."),
  prediction: z.string().describe("The model's answer."),
  step: z.int().optional().describe("Training step of the weights that answered; absent: the final weights."),
  score: z.number().optional().describe("Score of the row; higher is better."),
});

export type Sample = z.infer<typeof sample>;

export interface Samples {
  readonly rows: readonly Sample[];
  /** Number of lines that are not samples. An incomplete last line does not count. */
  readonly unreadable: number;
}

const SAMPLES_LIMIT_BYTES = 64 * 1024 * 1024;
/** Most rows on a page, and those of them that are not folded. */
const SHOWN_ROWS = 60;
const OPEN_ROWS = 10;
/** Longer texts are truncated [characters]. */
const TEXT_LIMIT = 600;

/** Reads a file of samples; undefined if there is none. @throws SlmError DATA_INVALID if it is above 64 MiB */
export async function readSamples(path: string): Promise<Samples | undefined> {
  const text = await ifThere(readTextFile(path, { limitBytes: SAMPLES_LIMIT_BYTES }));
  return text === undefined ? undefined : parseSamples(text);
}

/** The samples of a file's text. */
export function parseSamples(text: string): Samples {
  return readJsonLines(text, sample);
}

/** Whether the prediction equals an accepted answer, up to runs of whitespace. */
export function isRight({ prediction, target, references }: Sample): boolean {
  const plain = (text: string): string => text.trim().replaceAll(/\s+/g, " ");
  return (references ?? [target]).some((reference) => plain(reference) === plain(prediction));
}

/** Wrong answers first. Among those, and among right ones, the lowest score comes first, and rows without a score come last. */
export function worstFirst(rows: readonly Sample[]): readonly Sample[] {
  const scoreOf = ({ score }: Sample): number => score ?? Number.POSITIVE_INFINITY;
  return [...rows].sort(
    (a, b) =>
      Number(isRight(a)) - Number(isRight(b)) || (scoreOf(a) === scoreOf(b) ? 0 : scoreOf(a) - scoreOf(b)),
  );
}

/** Rows shown on a terminal. */
const LINES = 3;
/** Longest text of such a row [characters]. */
const LINE_TEXT = 60;

/** The first samples for a terminal, one line each. */
export function sampleLines(rows: readonly Sample[]): readonly string[] {
  const short = (text: string): string => {
    const plain = text.trim().replaceAll(/\s+/g, " ");
    return plain.length > LINE_TEXT ? `${plain.slice(0, LINE_TEXT)}…` : plain;
  };
  return rows.slice(0, LINES).map((row) => {
    const expected = isRight(row) ? "" : `  (expected ${short((row.references ?? [row.target])[0] ?? "")})`;
    const asked = row.image === undefined ? short(row.source) : `${row.image} ${short(row.source)}`.trim();
    return `  ${isRight(row) ? "✓" : "✗"} ${asked} → ${short(row.prediction)}${expected}`;
  });
}

/** The samples as sections of a report: the worst answers, and the others in a folded section. */
export function samplesSections({ rows, unreadable }: Samples): readonly ReportSection[] {
  const wrong = rows.filter((row) => !isRight(row)).length;
  const shown = worstFirst(rows).slice(0, SHOWN_ROWS);
  const [open, folded] = [shown.slice(0, OPEN_ROWS), shown.slice(OPEN_ROWS)];
  const sentences = [
    `${rows.length - wrong} of ${rows.length} answers to rows of the dev split equal an accepted one.`,
    ...(rows[0]?.step === undefined ? [] : [`They are from step ${rows[0].step}.`]),
    ...(wrong > 0 && wrong < rows.length ? ["Wrong answers come first."] : []),
    ...(shown.length < rows.length ? [`The tables show ${shown.length} of them.`] : []),
    ...(unreadable > 0 ? [`${unreadable} lines could not be read as samples and were skipped.`] : []),
  ];
  const more = folded.length === 1 ? "1 more answer" : `${folded.length} more answers`;
  return [
    { heading: "Answers", text: sentences.join(" "), table: samplesTable(open, rows) },
    ...(folded.length === 0 ? [] : [{ heading: more, table: samplesTable(folded, rows), folded: true }]),
  ];
}

/** @param all rows of the page, whose tables have the same columns */
function samplesTable(rows: readonly Sample[], all: readonly Sample[]): Table<TableCell> {
  const isScored = all.some(({ score }) => score !== undefined);
  const isSeen = all.some(({ thumbnail }) => thumbnail !== undefined);
  const texts = (["source", "reference", "prediction"] as const).map((title) => {
    return { title, align: "left", wrap: true } as const;
  });
  return {
    columns: [
      { title: "", align: "left" },
      ...(isSeen ? [{ title: "image", align: "left" } as const] : []),
      ...texts,
      ...(isScored ? [{ title: "score", align: "right" } as const] : []),
    ],
    rows: rows.map((row): readonly TableCell[] => [
      isRight(row) ? { text: "✓ right", tone: "good" } : { text: "✗ wrong", tone: "bad" },
      ...(isSeen ? [pictureOf(row)] : []),
      cut(row.source),
      (row.references ?? [row.target]).map(cut).join(" | "),
      cut(row.prediction),
      ...(isScored ? [row.score === undefined ? "" : String(Number(row.score.toPrecision(4)))] : []),
    ]),
  };
}

const pictureOf = ({ image = "", thumbnail }: Sample): TableCell =>
  thumbnail === undefined ? "" : { text: image, png: Buffer.from(thumbnail, "base64") };

function cut(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}
