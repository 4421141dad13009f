/** Prepares data into new folders of a directory, and reads what was written. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dataConfig } from "../config/data-config.js";
import { readRows, readSources } from "../formats/read-rows.js";
import { DATA_FILES, prepareData, type DataReport, type PrepareOptions } from "../prepare-data.js";
import type { Row } from "../rows/row.js";
import { SPLITS, type Split } from "../sampling/split.js";

export interface Prepared {
  readonly report: DataReport;
  readonly output: string;
  readonly rows: Readonly<Record<Split, readonly Row[]>>;
  readonly unlabelled: readonly string[];
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

let counter = 0;

/** Writes a new file: a text, or lines that are texts or values as JSON. */
export async function putFile(
  directory: string,
  content: string | readonly unknown[],
  name = "rows.jsonl",
): Promise<string> {
  const path = join(directory, `${counter++}-${name}`);
  const lines = typeof content === "string" ? [] : content;
  const texts = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  await writeFile(path, typeof content === "string" ? content : texts.join(""));
  return path;
}

export async function prepared(
  directory: string,
  settings: object,
  options: PrepareOptions = {},
): Promise<Prepared> {
  const output = join(directory, `${counter++}-output`);
  const report = await prepareData(dataConfig.parse(settings), output, options);
  const [train, dev, tests] = await Promise.all(
    SPLITS.map((split) => all(readRows(join(output, DATA_FILES[split])))),
  );
  const unlabelled = report.unlabelled ?? report.labels;
  return {
    report,
    output,
    rows: { train: train!, dev: dev!, test: tests! },
    unlabelled: unlabelled === undefined ? [] : await all(readSources(join(output, DATA_FILES.unlabelled))),
  };
}
