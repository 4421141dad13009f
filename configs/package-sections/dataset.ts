/**
 * Descriptions of Debian packages, and the archive section of each.
 *
 *   "arcade game: collect the diamonds and dig through caves. ..."  ->  "games"
 *
 * The maintainers chose the sections. The source does not contain the package's name, because names such as `python3-...` would reveal the class.
 */
import { sha256 } from "@slm/core";
import { defineDataset, type Row } from "@slm/data";
import { z } from "zod";
import {
  type DebianPackage,
  firstSentences,
  indexFolder,
  onePackagePerSource,
} from "../shared/debian-index.js";
import { sourceFolder } from "../shared/user-cache.js";
import { classOf } from "./sections.js";

export const settings = z.strictObject({
  files: indexFolder,
  longest: z
    .int()
    .positive()
    .default(240)
    .describe("Longest source; later sentences are dropped [characters]."),
  perClass: z
    .int()
    .positive()
    .default(1000)
    .describe(
      "Maximum number of rows per class. Half of the archive is modules of programming languages [rows].",
    ),
});

type Settings = z.infer<typeof settings>;

/** One package per source package. In large classes, the packages with the smallest hashes of their names. */
async function* examples(
  { files, longest, perClass }: Settings,
  { directory }: { readonly directory: string },
): AsyncGenerator<Row> {
  const folder = sourceFolder("debian-bookworm", files, directory);
  const entries = await onePackagePerSource(folder, ({ section }) => classOf(section) !== undefined);
  const counts = new Map<string, number>();
  for (const row of byHash(entries).map((entry) => rowOf(entry, longest))) {
    const count = (counts.get(row.target) ?? 0) + 1;
    counts.set(row.target, count);
    if (count <= perClass) yield row;
  }
}

/** A deterministic order that differs from the order of names. */
function byHash(entries: readonly DebianPackage[]): readonly DebianPackage[] {
  return entries
    .map((entry) => ({ entry, rank: sha256(entry.name) }))
    .sort((one, other) => (one.rank < other.rank ? -1 : 1))
    .map(({ entry }) => entry);
}

/** The synopsis, then as many sentences of the description as fit. */
export function rowOf({ section, synopsis, paragraphs }: DebianPackage, longest: number): Row {
  const target = classOf(section);
  if (target === undefined) throw new RangeError(`section ${section} has no class`);
  const more = firstSentences(paragraphs, longest - synopsis.length - 2);
  return { source: more === "" ? synopsis : `${synopsis}: ${more}`, target };
}

export default defineDataset({ settings, examples });
