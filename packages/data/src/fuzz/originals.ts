/** Sound files for {@link damage}: rows with everything that a format has to escape. */
import type { ScanSettings } from "../formats/scan-file.js";
import type { Random } from "./corrupt.js";

const PIECES = [
  "cat",
  "né",
  "😀",
  'he said "no"',
  "a, b",
  "two\nlines",
  "tab\there",
  "1.5",
  "-7",
  "\\",
  "'",
  "  x",
  "Straße",
];

/** One file of so many is large. */
const LARGE_EVERY = 200;
const LARGE_ROWS = 5000;

/** How each format's files are read. */
export const FUZZED = {
  jsonl: { format: "jsonl", fields: { source: "text", target: "nested.fr", references: "also" } },
  csv: { format: "csv", template: { source: "translate: {text}", target: "{fr}" } },
  parquet: { format: "parquet", fields: { source: "text", target: "translation.fr", references: "also" } },
} as const satisfies Readonly<Record<string, ScanSettings>>;

/** A sound JSONL file of up to 40 rows, or of many. */
export function jsonlOriginal(random: Random): Uint8Array {
  const lines = rowsOf(random).map(([text, fr], index) =>
    JSON.stringify({ id: index, text, nested: { fr }, also: [fr, text], number: random(1000) / 7 }),
  );
  return Buffer.from(`${lines.join("\n")}\n`);
}

/** A sound CSV file of up to 40 rows, or of many. */
export function csvOriginal(random: Random): Uint8Array {
  const quoted = (text: string): string =>
    /[",\n]/u.test(text) || random(3) === 0 ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = rowsOf(random).map(([text, fr], index) => [String(index), text, fr].map(quoted).join(","));
  return Buffer.from(["id,text,fr", ...lines, ""].join(random(2) === 0 ? "\n" : "\r\n"));
}

function rowsOf(random: Random): readonly (readonly [string, string])[] {
  const text = (): string =>
    Array.from({ length: 1 + random(6) }, () => PIECES[random(PIECES.length)]!).join(" ");
  const count = random(LARGE_EVERY) === 0 ? LARGE_ROWS : 1 + random(40);
  return Array.from({ length: count }, () => [text(), text()]);
}
