/** Imports TypeScript of the tasks, which nobody compiles, into scripts. */
import { join } from "node:path";
import { createJiti } from "jiti";

const jiti = createJiti(import.meta.url, { fsCache: false });

/** A module below `configs`, such as `ocr/dataset.ts`. */
export function importTask(path) {
  return jiti.import(join(import.meta.dirname, "../../../configs", path));
}
