/** Text tables for a terminal. */

type Alignment = "left" | "right";

/**
 * Rows as aligned columns.
 *
 * @param titles row above the others; undefined: none
 * @param alignments of each column; left where there is none. The last column is not padded on its right.
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
