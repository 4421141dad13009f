/** Decides which unlabelled sources are labelled at all: none that a split has, none that resembles a held-out one, each once. */
import { join } from "node:path";
import { DATA_FILES, HashTable, readRows, sourceKey, SPLITS, textRow } from "@slm/data";
import type { Reason } from "../labeller/label-counts.js";
import { SimilarTexts } from "./similar-texts.js";

export interface GuardSettings {
  /** Directory of the data stage. */
  readonly dataDirectory: string;
  /** Sources at least this similar to a dev or test source are left out; undefined: only the same sources. */
  readonly similarity: number | undefined;
}

/** Numbers of the reasons in the table of sources. */
const KNOWN = 1;
const HELD_OUT = 2;

export class SourceGuard {
  readonly #owners: HashTable;
  readonly #similar: SimilarTexts | undefined;
  readonly #seen = new HashTable();

  private constructor(owners: HashTable, similar: SimilarTexts | undefined) {
    this.#owners = owners;
    this.#similar = similar;
  }

  /** Reads the sources of every split, as a text-only teacher reads them. In memory are hashes, and with a similarity the held-out sources.
   *
   * @throws SlmError INPUT_MISSING, DATA_INVALID naming a line that is not a row
   */
  static async read({ dataDirectory, similarity }: GuardSettings): Promise<SourceGuard> {
    const owners = new HashTable();
    const heldOut: string[] = [];
    for (const split of SPLITS) {
      for await (const row of readRows(join(dataDirectory, DATA_FILES[split]))) {
        for (const source of new Set([row.source, textRow(row).source])) {
          owners.set(sourceKey(source), split === "train" ? KNOWN : HELD_OUT);
          if (split !== "train" && similarity !== undefined) heldOut.push(source);
        }
      }
    }
    return new SourceGuard(
      owners,
      similarity === undefined ? undefined : new SimilarTexts(heldOut, similarity),
    );
  }

  /** The same guard before it met any source. */
  fresh(): SourceGuard {
    return new SourceGuard(this.#owners, this.#similar);
  }

  /** Why a source must not be labelled, if so. A source is remembered: the next time it is a duplicate. */
  reasonFor(source: string): Reason | undefined {
    const key = sourceKey(source);
    const owner = this.#owners.get(key);
    if (owner === HELD_OUT || this.#similar?.has(source) === true) return "heldOut";
    if (owner === KNOWN) return "known";
    return this.#seen.seen(key) ? "duplicate" : undefined;
  }
}
