/** A target that reads files of rows, like `slm data inspect`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspectData } from "@slm/data";

export const rowReader =
  (
    /** @type {string} */ name,
    /** @type {{} | { fields: { source: string; target: string; }; }} */ settings,
  ) =>
  (/** @type {string} */ folder) => {
    const file = join(folder, name);
    return async (/** @type {Uint8Array} */ bytes) => {
      await writeFile(file, bytes);
      await inspectData(file, settings);
    };
  };
