/** Recognizes a JSON document by its shape: a list of rows, SQuAD, or SNIPS intents. */
import { ROW_COLUMNS } from "../rows/mapping.js";
import type { DataFormat, ReadSettings, ScannedRecord } from "./data-format.js";
import { badDocument, listOf, readDocument } from "./json-document.js";
import { toRecord } from "./jsonl.js";
import { isSnips } from "./snips.js";
import { isSquad } from "./squad.js";

/** A JSON list of rows. */
export const jsonFormat: DataFormat = {
  extensions: [],
  isTable: false,
  mapping: ROW_COLUMNS,
  read: readRowList,
};

async function* readRowList(path: string, settings: ReadSettings): AsyncGenerator<ScannedRecord> {
  const list = listOf(await readDocument(path, settings));
  if (list === undefined) throw badDocument(path, "expected a list of rows");
  for (const [index, value] of list.entries()) yield toRecord(index + 1, value);
}

/**
 * Returns the document format of a `.json` file.
 *
 * @throws SlmError DATA_INVALID if the shape is unknown
 */
export async function formatOfDocument(
  path: string,
  settings: ReadSettings,
): Promise<"json" | "squad" | "snips"> {
  const document = await readDocument(path, settings);
  if (Array.isArray(document)) return "json";
  if (isSquad(document)) return "squad";
  if (isSnips(document)) return "snips";
  throw badDocument(path, "expected a list of rows, SQuAD or SNIPS intents");
}
