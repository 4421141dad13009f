/** Collects the shortlist of an export from the rows of a task. */
import { readRows, type Row } from "@slm/data";
import { collectShortlist, type Shortlist } from "@slm/onnx-export";
import { loadTokenizer } from "@slm/tokenizer";

/**
 * The tokens of the targets in a file of rows; undefined without a file.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, or a text that the tokenizer rejects
 */
export async function shortlistOfRows(
  tokenizerDirectory: string,
  file: string | undefined,
): Promise<Shortlist | undefined> {
  if (file === undefined) return undefined;
  return collectShortlist(await loadTokenizer(tokenizerDirectory), targetsOf(readRows(file)));
}

async function* targetsOf(rows: AsyncIterable<Pick<Row, "target">>): AsyncGenerator<string> {
  for await (const { target } of rows) yield target;
}
