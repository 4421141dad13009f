/** The tokens of the targets in a file, to which the decoder's vocabulary is pruned. */
import { readRows } from "@slm/data";
import { collectShortlist, type Shortlist } from "@slm/onnx-export";
import { loadTokenizer } from "@slm/tokenizer";

/**
 * @param path JSONL file of rows, of which the targets are used
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, or an answer that the tokenizer rejects
 */
export async function shortlistOfRows(tokenizerDirectory: string, path: string): Promise<Shortlist> {
  return collectShortlist(await loadTokenizer(tokenizerDirectory), targetsOf(path));
}

async function* targetsOf(path: string): AsyncGenerator<string> {
  for await (const { target } of readRows(path)) yield target;
}
