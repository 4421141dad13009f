/** The sources of the first rows of a JSONL file. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** @returns {Promise<string[]>} */
export async function firstSources(/** @type {string} */ file, /** @type {number | undefined} */ most) {
  const sources = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (sources.length === most) break;
    if (line.trim() !== "") sources.push(JSON.parse(line).source);
  }
  return sources;
}
