/** Decides which unlabelled sources to label: no sources of a split, and no duplicates. */
import { join } from "node:path";
import { DATA_FILES, HashTable, readRows, sourceKey, SPLITS, textRow } from "@slm/data";
import type { Reason } from "../labeller/label-counts.js";

/** Codes of the reasons in the table of sources. */
const KNOWN = 1;
const HELD_OUT = 2;

export class SourceGuard {
  readonly #owners: HashTable;
  readonly #seen = new HashTable();

  private constructor(owners: HashTable) {
    this.#owners = owners;
  }

  /** Reads the sources of every split, in the form of a text-only teacher. Only their hashes are kept in memory.
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

  /** A copy of the guard that has not seen any unlabelled source. */
  fresh(): SourceGuard {
    return new SourceGuard(this.#owners);
  }

  /** Why a source must not be labelled; undefined if it may be. The source is remembered, so the next call reports a duplicate. */
  reasonFor(source: string): Reason | undefined {
    const key = sourceKey(source);
    const owner = this.#owners.get(key);
    if (owner === HELD_OUT) return "heldOut";
    if (owner === KNOWN) return "known";
    return this.#seen.seen(key) ? "duplicate" : undefined;
  }
}
