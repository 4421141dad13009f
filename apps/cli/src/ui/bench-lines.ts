/** A benchmark as tables for a terminal. */
import { comparisonsTable, deviceLines, figuresTable, regressionTable, type BenchResult } from "@slm/bench";
import CliTable from "cli-table3";

type Figures = ReturnType<typeof figuresTable>;

/** The device, one column per model, one per comparison, changes, and notes about doubtful figures. */
export function benchLines(result: BenchResult): readonly string[] {
  const { comparisons, notes, regression } = result;
  return [
    ...deviceLines(result),
    ...transposed(figuresTable(result)),
    ...(comparisons.length === 0 ? [] : transposed(comparisonsTable(result))),
    ...(regression === undefined ? [] : lying(regressionTable(result))),
    ...[...notes, ...(regression?.notes ?? [])].map((note) => `note: ${note}`),
  ];
}

/** A table as it is. */
function lying({ columns, rows }: Figures): readonly string[] {
  const table = new CliTable({
    style: { head: [], border: [] },
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align),
  });
  for (const row of rows) table.push([...row]);
  return table.toString().split("\n");
}

/** One row per figure and one column per model, because a terminal is too narrow for the transposed table. */
function transposed({ columns, rows }: Figures): readonly string[] {
  const table = new CliTable({
    style: { head: [], border: [] },
    colAligns: ["left", ...rows.map(() => "right" as const)],
  });
  for (const [at, { title }] of columns.entries()) table.push([title, ...rows.map((row) => row[at] ?? "")]);
  return table.toString().split("\n");
}
