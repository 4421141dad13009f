/** Decides which training rows are kept and which of them keep their targets. Rows are chosen by rank, so a larger limit only adds rows. */
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
  /** Number of training rows to keep, by lowest hash rank. Default: all. */
  readonly limit: number | undefined;
  /** Number of kept rows that keep their targets, drawn by the seed. Default: all. */
  readonly labels: number | undefined;
  readonly seed: number;
}

/** Decides for each training group. */
export class RowLimit {
  readonly #limits: RowLimits;
  /** Groups by hash rank and by label rank. Empty without a limit and labels. */
  readonly #byHash: Ranked[] = [];
  readonly #labelRanks = new Map<number, number>();
  /** Number of rows that keep their target, by index of the group. Undefined: all rows of all groups. */
  #labelled: ReadonlyMap<number, number> | undefined;
  /** Indices of the groups that keep the source but lose the targets. */
  #unlabelled: ReadonlySet<number> = new Set();

  constructor(limits: RowLimits) {
    this.#limits = limits;
  }

  /** Adds a group. Call it before {@link close}.
   *
   * @throws SlmError CONFIG_INVALID if labels are limited and the row has an image or a teacher source: unlabelled sources cannot have these.
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

  /** Decides for all added groups. */
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
    // Variants of a source have the same rank. Variants of a labelled source are dropped; of an unlabelled source the first is kept.
    const seen = new Set(labelled.map(({ rank }) => rank));
    const unlabelled = new Set<number>();
    for (const { rank, place } of candidates) {
      if (seen.has(rank)) continue;
      seen.add(rank);
      unlabelled.add(place);
    }
    this.#unlabelled = unlabelled;
  }

  /** The targets that a group keeps: all, none, or the first ones if the limit is reached within the group. */
  targetsOf(group: Group): readonly string[] {
    return this.#labelled === undefined
      ? group.targets
      : group.targets.slice(0, this.#labelled.get(group.place) ?? 0);
  }

  /** Whether a group keeps its source but loses its targets. */
  isUnlabelled(group: Group): boolean {
    return this.#unlabelled.has(group.place);
  }
}

/** The groups with the lowest ranks up to a number of rows; the last group may be partial. Sorts the groups. */
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

/** A number in [0, 1) per source and seed, independent of the split and the hash rank. */
function labelRank(key: string, seed: number): number {
  return createHash("sha256").update(`labels:${seed}:${key}`, "utf8").digest().readUIntBE(0, 6) / 2 ** 48;
}

const textOnly = (): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    "data.labels: rows with an image or a teacherSource cannot lose their targets, because unlabelled sources are text only",
    { suggestions: ["use fewer training rows instead: --set data.limit=N"] },
  );
