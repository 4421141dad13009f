/** Text tables for a terminal. */

type Alignment = "left" | "right";

/**
 * Rows as aligned columns.
 *
 * @param titles header row; none if undefined
 * @param alignments of each column; default: left. The last column is not padded on the right.
 */
export function columns(
  titles: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = [],
): readonly string[] {
  const all = titles === undefined ? rows : [titles, ...rows];
  const widths = (all[0] ?? []).map((_, at) => Math.max(...all.map((row) => row[at]!.length)));
  return all.map((row) =>
    row
      .map((cell, at) => (alignments[at] === "right" ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** Columns of a terminal. */
const TERMINAL_WIDTH = 80;

/** The text in lines of at most 80 characters, broken between words. A longer word, such as a path, keeps a line to itself. */
export function wrapped(text: string, indent = ""): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > TERMINAL_WIDTH)
      lines.push(`${lines.length === 0 ? "" : indent}${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
