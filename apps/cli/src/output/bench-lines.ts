/** A benchmark as tables for a terminal. */
import { comparisonsTable, deviceLine, figuresTable, type BenchResult } from "@slm/bench";
import CliTable from "cli-table3";

type Figures = ReturnType<typeof figuresTable>;

/** The device, one column per model, one per comparison, and reasons to read them with care. */
export function benchLines(result: BenchResult): readonly string[] {
  return [
    deviceLine(result),
    ...transposed(figuresTable(result)),
    ...(result.comparisons.length === 0 ? [] : transposed(comparisonsTable(result))),
    ...result.notes.map((note) => `note: ${note}`),
  ];
}

/** Figures down, models across: a terminal is too narrow for the other way. */
export function transposed({ columns, rows }: Figures): readonly string[] {
  const table = new CliTable({
    style: { head: [], border: [] },
    colAligns: ["left", ...rows.map(() => "right" as const)],
  });
  for (const [at, { title }] of columns.entries()) table.push([title, ...rows.map((row) => row[at] ?? "")]);
  return table.toString().split("\n");
}
