/**
 * Descriptions of Debian packages, and the maintainers' one-line synopses.
 *
 *   "This package provides a lightweight web server that ..."  ->  "lightweight web server"
 */
import { defineDataset, type Example, type RejectedExample } from "@slm/data";
import { z } from "zod";
import {
  type DebianPackage,
  firstSentences,
  indexFolder,
  onePackagePerSource,
} from "../shared/debian-index.js";
import { sourceFolder } from "../shared/user-cache.js";

/** Skipped sections, where synopses name a package's form (headers, documentation), not its function. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "debug",
  "doc",
  "introspection",
  "libdevel",
  "localization",
  "metapackages",
  "oldlibs",
  "tasks",
]);

export const settings = z.strictObject({
  files: indexFolder,
  shortest: z.int().positive().default(60).describe("Shortest description [characters]."),
  longest: z
    .int()
    .positive()
    .default(280)
    .describe("Longest source; later sentences of the description are dropped [characters]."),
  longestTarget: z.int().positive().default(80).describe("Longest synopsis [characters]."),
});

type Settings = z.infer<typeof settings>;

/** One package per source package. */
async function* examples(
  given: Settings,
  { directory }: { readonly directory: string },
): AsyncGenerator<Example | RejectedExample> {
  const folder = sourceFolder("debian-bookworm", given.files, directory);
  for (const entry of await onePackagePerSource(folder, ({ section }) => !LEFT_OUT.has(section)))
    yield exampleOf(entry, given);
}

/** An example with the first sentences of the description and the synopsis, or a rejection. */
export function exampleOf(
  { name, synopsis, paragraphs }: Pick<DebianPackage, "name" | "synopsis" | "paragraphs">,
  { shortest, longest, longestTarget }: Pick<Settings, "shortest" | "longest" | "longestTarget">,
): Example | RejectedExample {
  const source = firstSentences(paragraphs, longest);
  if (source.length < shortest)
    return { reject: `${name}: its description is shorter than ${shortest} characters` };
  if (synopsis.length > longestTarget)
    return { reject: `${name}: its synopsis is longer than ${longestTarget} characters` };
  return { source, target: synopsis };
}

export default defineDataset({ settings, examples });
