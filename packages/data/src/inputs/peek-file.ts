/** The columns of a file, and the encoding that reads it, before anyone has said what they mean. */
import { shellWord, SlmError } from "@slm/core";
import type { FileSettings } from "../config/data-config.js";
import type { DataFormat } from "../formats/data-format.js";
import { formatByEnding, formatOf } from "../formats/format-table.js";
import { DEFAULT_ENCODING, isUtf8, type Encoding } from "../rows/lines.js";
import { parseTemplate } from "../rows/template.js";

/** Text files that are not UTF-8 are mostly this. */
const OTHER_ENCODING: Encoding = "latin1";

export interface PeekedFile {
  /** Names of the columns of the first record; of a format with a shape of its own, those of its rows. */
  readonly columns: readonly string[];
  /** Undefined for UTF-8, and for formats that are not text. */
  readonly encoding: Encoding | undefined;
  /** Whether the columns are already a source and a target. */
  readonly isMapped: boolean;
}

/**
 * Reads the first record of a file, and of a text file every line, to know its encoding.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read; DATA_INVALID if it has no record; CONFIG_INVALID if its format is not known
 */
export async function peekFile(path: string, settings: FileSettings = {}): Promise<PeekedFile> {
  const isText = formatByEnding(path) !== "parquet" && settings.format !== "parquet";
  const encoding = settings.encoding ?? (isText && !(await isUtf8(path)) ? OTHER_ENCODING : undefined);
  const read = { ...settings, encoding: encoding ?? DEFAULT_ENCODING };
  const format: DataFormat = await formatOf(path, settings.format, read);
  let reason: string | undefined;
  for await (const record of format.read(path, read)) {
    if ("reason" in record) {
      reason ??= `line ${record.line}: ${record.reason}`;
      continue;
    }
    const columns = Object.keys(record.columns);
    const needed = [format.mapping.source, format.mapping.target]
      .flatMap(parseTemplate)
      .flatMap((part) => ("column" in part ? [part.column] : []));
    return { columns, encoding, isMapped: needed.every((name) => columns.includes(name)) };
  }
  throw new SlmError(
    "DATA_INVALID",
    `data: ${path}: expected at least one record, got none${reason === undefined ? "" : `; ${reason}`}`,
    {
      context: { path },
      suggestions: [`slm data inspect ${shellWord(path)}`],
    },
  );
}
