/** Decides which unlabelled sources are labelled at all: none that a split has, each once. */
import { join } from "node:path";
import { DATA_FILES, HashTable, readRows, sourceKey, SPLITS, textRow } from "@slm/data";
import type { Reason } from "../labeller/label-counts.js";

/** Numbers of the reasons in the table of sources. */
const KNOWN = 1;
const HELD_OUT = 2;

export class SourceGuard {
  readonly #owners: HashTable;
  readonly #seen = new HashTable();

  private constructor(owners: HashTable) {
    this.#owners = owners;
  }

  /** Reads the sources of every split, as a text-only teacher reads them. Only their hashes are in memory.
   *
   * @param dataDirectory directory of the data stage
   * @throws SlmError INPUT_MISSING, DATA_INVALID naming a line that is not a row
   */
  static async read(dataDirectory: string): Promise<SourceGuard> {
    const owners = new HashTable();
    for (const split of SPLITS) {
      for await (const row of readRows(join(dataDirectory, DATA_FILES[split]))) {
        for (const source of new Set([row.source, textRow(row).source]))
          owners.set(sourceKey(source), split === "train" ? KNOWN : HELD_OUT);
      }
    }
    return new SourceGuard(owners);
  }

  /** The same guard before it met any source. */
  fresh(): SourceGuard {
    return new SourceGuard(this.#owners);
  }

  /** Why a source must not be labelled, if so. A source is remembered: the next time it is a duplicate. */
  reasonFor(source: string): Reason | undefined {
    const key = sourceKey(source);
    const owner = this.#owners.get(key);
    if (owner === HELD_OUT) return "heldOut";
    if (owner === KNOWN) return "known";
    return this.#seen.seen(key) ? "duplicate" : undefined;
  }
}
