/** Second pass: in each bucket rows of one source become a group, and what is there twice goes. */
import type { CollectedRow } from "./collect.js";
import type { Picture } from "../images/picture.js";
import { referencesOf, type Row } from "../rows/row.js";
import type { Spill } from "../storage/spill.js";
import { sourceKey, type Split } from "../sampling/split.js";

/** A source with its targets, in the order they were first seen. */
export interface Group {
  /** Place of its first row. */
  readonly place: number;
  readonly split: Split;
  /** Its first row, with the number of its input. */
  readonly row: Row;
  readonly file: number;
  readonly targets: readonly string[];
  readonly picture?: Picture;
}

export interface DuplicateCounts {
  /** Pairs of source and target met again; each is kept once. */
  duplicates: number;
  /** Pairs met again with a source in another case, Unicode form or spacing, and left out. */
  nearDuplicates: number;
  /** Targets of a source that has another one already. */
  conflicts: number;
}

/** A group that grows. */
interface OpenGroup extends CollectedRow {
  readonly targets: Set<string>;
}

/** The groups of one bucket, in the order of their first rows. Counts are added to `counts`. */
export async function groupBucket(
  spill: Spill,
  bucket: number,
  counts: DuplicateCounts,
): Promise<readonly Group[]> {
  const groups = new Map<string, OpenGroup>();
  /** Targets of every form of a source. */
  const known = new Map<string, Set<string>>();
  for await (const value of spill.read(bucket)) {
    const collected = value as CollectedRow;
    const { row, split, picture } = collected;
    const exactKey = JSON.stringify([split, picture?.key, row.source]);
    const targets = new Set([row.target, ...referencesOf(row)]);
    const seen = entryOf(known, JSON.stringify([split, picture?.key, sourceKey(row.source)]));
    for (const target of targets) {
      const group = groups.get(exactKey);
      if (group?.targets.has(target) === true) counts.duplicates++;
      else if (seen.has(target)) counts.nearDuplicates++;
      else {
        if (seen.size > 0 && !seen.has(target)) counts.conflicts++;
        if (group === undefined) groups.set(exactKey, { ...collected, targets: new Set([target]) });
        else group.targets.add(target);
      }
    }
    for (const target of targets) seen.add(target);
  }
  return Array.from(groups.values(), (group) => ({ ...group, targets: [...group.targets] }));
}

function entryOf(known: Map<string, Set<string>>, key: string): Set<string> {
  const entry = known.get(key) ?? new Set();
  known.set(key, entry);
  return entry;
}
