/** Derives the token lists of an export from the rows of a task. */
import type { Progress } from "@slm/core";
import { readRows } from "@slm/data";
import { learnFromRows, type RowFiles, type RowLists, type TextPair } from "@slm/onnx-export";
import { CACHE_ROWS, readCacheRows, type CacheRowKind } from "@slm/teacher";
import { loadTokenizer } from "@slm/tokenizer";

const CACHE_ROW_KINDS = Object.keys(CACHE_ROWS) as readonly CacheRowKind[];

/**
 * The lists for which the settings name a file.
 *
 * @param cache a teacher's cache; its rows also show how answers continue
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, or a text that the tokenizer rejects
 */
export function listsOfRows(
  tokenizerDirectory: string,
  files: RowFiles,
  { progress, cache }: { readonly progress: Progress; readonly cache?: string | undefined },
): Promise<RowLists> {
  const reader = {
    tokenizer: () => loadTokenizer(tokenizerDirectory),
    rows: readRows,
    further: cache === undefined ? undefined : () => cachedRows(cache),
  };
  return learnFromRows(files, reader, progress);
}

async function* cachedRows(cache: string): AsyncGenerator<TextPair> {
  for (const kind of CACHE_ROW_KINDS) yield* readCacheRows(cache, kind);
}
