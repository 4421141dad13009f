/** A benchmark as tables for a terminal. */
import { comparisonsTable, deviceLines, figuresTable, regressionTable, type BenchResult } from "@slm/bench";
import { columns } from "@slm/core/format";

type Figures = ReturnType<typeof figuresTable>;

/** The device, one column per model and per comparison, changes, and notes about doubtful figures. */
export function benchLines(result: BenchResult): readonly string[] {
  const { comparisons, notes, regression } = result;
  return [
    ...deviceLines(result),
    ...transposed(figuresTable(result)),
    ...(comparisons.length === 0 ? [] : transposed(comparisonsTable(result))),
    ...(regression === undefined ? [] : upright(regressionTable(result))),
    ...[...notes, ...(regression?.notes ?? [])].map((note) => `note: ${note}`),
  ];
}

/** One line per row. */
function upright({ columns: heads, rows }: Figures): readonly string[] {
  return columns(
    heads.map(({ title }) => title),
    rows,
    heads.map(({ align }) => align),
  );
}

/** One line per figure and one column per model, because a terminal is too narrow for the upright table. */
function transposed({ columns: heads, rows }: Figures): readonly string[] {
  const lines = heads.map(({ title }, at) => [title, ...rows.map((row) => row[at] ?? "")]);
  return columns(undefined, lines, ["left", ...rows.map(() => "right" as const)]);
}
