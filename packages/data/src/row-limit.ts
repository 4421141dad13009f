/** Which training groups a limit of rows keeps: those of the lowest hash ranks, so that a larger limit only adds. */
import type { Group } from "./group-rows.js";
import { hashKey, splitKey } from "./split.js";

interface Ranked {
  readonly rank: number;
  readonly place: number;
  readonly rows: number;
}

export class RowLimit {
  readonly #limit: number | undefined;
  readonly #ranked: Ranked[] = [];
  /** Rows kept of the groups that are kept in part or whole, by place; only with a limit. */
  #kept = new Map<number, number>();

  constructor(limit: number | undefined) {
    this.#limit = limit;
  }

  /** Tells it of a group, before {@link close}. */
  add(group: Group): void {
    if (this.#limit === undefined) return;
    const { rank } = hashKey(splitKey(group.row.source, group.picture));
    this.#ranked.push({ rank, place: group.place, rows: group.targets.length });
  }

  /** Decides. */
  close(): void {
    if (this.#limit === undefined) return;
    let left = this.#limit;
    for (const { place, rows } of this.#ranked.sort((a, b) => a.rank - b.rank || a.place - b.place)) {
      if (left <= 0) break;
      this.#kept.set(place, Math.min(rows, left));
      left -= rows;
    }
    this.#ranked.length = 0;
  }

  /** The targets that are kept of a group; none if it is left out, the first ones if the limit falls into it. */
  targetsOf(group: Group): readonly string[] {
    return this.#limit === undefined
      ? group.targets
      : group.targets.slice(0, this.#kept.get(group.place) ?? 0);
  }
}
