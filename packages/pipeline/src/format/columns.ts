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
