/** Which training rows are kept and which of them keep their targets. Rows are taken by rank, so that a larger number only adds. */
import { createHash } from "node:crypto";
import { SlmError } from "@slm/core";
import type { Group } from "./group-rows.js";
import { hashKey, splitKey } from "../sampling/split.js";

interface Ranked {
  readonly rank: number;
  readonly place: number;
  readonly rows: number;
}

export interface RowLimits {
  /** Training rows kept, those of the lowest hash ranks; undefined: all. */
  readonly limit: number | undefined;
  /** Kept rows that keep their targets, drawn by the seed; undefined: all. */
  readonly labels: number | undefined;
  readonly seed: number;
}

/** What becomes of the training groups. */
export class RowLimit {
  readonly #limits: RowLimits;
  /** Groups by hash rank and by label rank; only with a limit or labels. */
  readonly #byHash: Ranked[] = [];
  readonly #labelRanks = new Map<number, number>();
  /** Rows with targets of the groups that have some, by place; undefined: all rows of all groups. */
  #labelled: ReadonlyMap<number, number> | undefined;
  /** Places of the groups whose source is kept without its targets. */
  #unlabelled: ReadonlySet<number> = new Set();

  constructor(limits: RowLimits) {
    this.#limits = limits;
  }

  /** Tells it of a group, before {@link close}.
   *
   * @throws SlmError CONFIG_INVALID if labels are limited and the row has an image or a teacher source, which an unlabelled source cannot have.
   */
  add(group: Group): void {
    const { limit, labels, seed } = this.#limits;
    if (limit === undefined && labels === undefined) return;
    const key = splitKey(group.row.source, group.picture);
    this.#byHash.push({ rank: hashKey(key).rank, place: group.place, rows: group.targets.length });
    if (labels === undefined) return;
    if (group.picture !== undefined || group.row.teacherSource !== undefined) throw textOnly();
    this.#labelRanks.set(group.place, labelRank(key, seed));
  }

  /** Decides. */
  close(): void {
    const { limit, labels } = this.#limits;
    if (limit === undefined && labels === undefined) return;
    const kept = takeRows(this.#byHash, limit ?? Infinity);
    this.#byHash.length = 0;
    this.#labelled = rowsByPlace(kept);
    if (labels === undefined) return;
    const candidates = kept.map((one) => ({ ...one, rank: this.#labelRanks.get(one.place)! }));
    this.#labelRanks.clear();
    const labelled = takeRows(candidates, labels);
    this.#labelled = rowsByPlace(labelled);
    // Forms of one source have the same rank: a form of a labelled source is left out, and of an unlabelled one the first is kept.
    const seen = new Set(labelled.map(({ rank }) => rank));
    const unlabelled = new Set<number>();
    for (const { rank, place } of candidates) {
      if (seen.has(rank)) continue;
      seen.add(rank);
      unlabelled.add(place);
    }
    this.#unlabelled = unlabelled;
  }

  /** The targets that are kept of a group; none if it has none left, the first ones if a limit falls into it. */
  targetsOf(group: Group): readonly string[] {
    return this.#labelled === undefined
      ? group.targets
      : group.targets.slice(0, this.#labelled.get(group.place) ?? 0);
  }

  /** Whether the source of a group is kept without its targets. */
  isUnlabelled(group: Group): boolean {
    return this.#unlabelled.has(group.place);
  }
}

/** The groups of the lowest ranks that fill a number of rows, the last one perhaps in part. Sorts the groups. */
function takeRows(groups: Ranked[], count: number): readonly Ranked[] {
  const taken: Ranked[] = [];
  let left = count;
  for (const group of groups.sort((a, b) => a.rank - b.rank || a.place - b.place)) {
    if (left <= 0) break;
    taken.push({ ...group, rows: Math.min(group.rows, left) });
    left -= group.rows;
  }
  return taken;
}

const rowsByPlace = (groups: readonly Ranked[]): ReadonlyMap<number, number> =>
  new Map(groups.map(({ place, rows }) => [place, rows]));

/** A number in [0, 1) for each source and seed, independent of its split and its hash rank. */
function labelRank(key: string, seed: number): number {
  return createHash("sha256").update(`labels:${seed}:${key}`, "utf8").digest().readUIntBE(0, 6) / 2 ** 48;
}

const textOnly = (): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    "data.labels: expected rows of text alone, since unlabelled sources have neither image nor teacherSource",
    { suggestions: ["use fewer training rows instead: --set data.limit=N"] },
  );
