/** The unlabelled sources of the data that a teacher labels. */
import { readSources } from "@slm/data";

/**
 * Reads the first sources of a file.
 *
 * @param limit maximum number of sources
 * @throws SlmError as `readSources`
 */
export async function* givenSources(path: string, limit = Infinity): AsyncGenerator<string> {
  let left = limit;
  for await (const source of readSources(path)) {
    yield source;
    left -= 1;
    if (left === 0) return;
  }
}
