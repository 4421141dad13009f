/** Lists the rows of pairs that the teacher could not score. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeTextAtomic } from "@slm/core";
import { textRow, type Row } from "@slm/data";
import type { TokenPairs } from "@slm/training";
import { keyOf } from "./pair-key.js";
import { keyText } from "./shard-task.js";
import type { UnscoredPair } from "./teacher-cache.js";
import { UNSCORED_ROWS, type UnscoredRow } from "./cache-rows.js";

/** Pairs that are read at a time to compute keys. */
const READ_ROWS = 1 << 12;

/**
 * Writes each row of these pairs once to the cache's directory.
 *
 * @param rows the rows of the pairs, in order
 * @returns their number; undefined if there are none
 */
export async function describeUnscored(
  unscored: readonly UnscoredPair[],
  {
    directory,
    pairs,
    rows,
  }: { readonly directory: string; readonly pairs: TokenPairs; readonly rows: AsyncIterable<Row> },
): Promise<number | undefined> {
  const path = join(directory, UNSCORED_ROWS);
  if (unscored.length === 0) {
    await rm(path, { force: true });
    return undefined;
  }
  const reasons = new Map(unscored.map(({ key, reason }) => [key, reason]));
  const reasonOfRow = new Map<number, string>();
  for (let begin = 0; begin < pairs.count; begin += READ_ROWS) {
    const numbers = Array.from({ length: Math.min(READ_ROWS, pairs.count - begin) }, (_, at) => begin + at);
    const { sources, targets } = await pairs.read(numbers);
    numbers.forEach((row, at) => {
      const reason = reasons.get(keyText(keyOf({ source: sources[at]!, target: targets[at]! })));
      if (reason !== undefined) reasonOfRow.set(row, reason);
    });
  }
  const lines = new Set<string>();
  let number = 0;
  for await (const row of rows) {
    const reason = reasonOfRow.get(number++);
    if (reason === undefined) continue;
    const { source, target } = textRow(row);
    lines.add(JSON.stringify({ source, target, reason } satisfies UnscoredRow));
  }
  await writeTextAtomic(path, [...lines].map((line) => `${line}\n`).join(""));
  return lines.size;
}
