/** Counts the teacher's work in a cache stage before it starts, for estimates. */
import { isThere } from "@slm/core";
import { join } from "node:path";
import { DATA_FILES, readRows, textRow } from "@slm/data";
import type { AnswerVolume } from "../api/estimate.js";
import type { CacheConfig } from "../config/cache-config.js";
import { givenSources } from "./given-sources.js";

/** Number of training rows for measuring the length of targets. */
const TARGET_ROWS = 1000;

/** The unlabelled sources, and the training sources if targets are generated. @throws SlmError DATA_INVALID */
export async function labellingVolume(
  { unlabelled, generate }: Pick<CacheConfig, "unlabelled" | "generate">,
  dataDirectory: string,
): Promise<AnswerVolume> {
  const volume = { requests: 0, sourceCharacters: 0 };
  const add = (source: string): void => {
    volume.requests += 1;
    volume.sourceCharacters += source.length;
  };
  const path = join(dataDirectory, DATA_FILES.unlabelled);
  if (await isThere(path)) for await (const source of givenSources(path, unlabelled.limit)) add(source);
  let [rows, characters, last] = [0, 0, ""];
  for await (const row of readRows(join(dataDirectory, DATA_FILES.train))) {
    if (rows < TARGET_ROWS) {
      rows += 1;
      characters += row.target.length;
    } else if (generate === "none") break;
    const { source } = textRow(row);
    if (generate !== "none" && source !== last) add(source);
    last = source;
  }
  return { ...volume, targetCharacters: rows === 0 ? 0 : characters / rows };
}
