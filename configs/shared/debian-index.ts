/**
 * Reads Debian's package index: section, one-line synopsis and description of each package, in English and translated.
 *
 * Source: deb822(5); Debian Policy 5.6.13 (description: synopsis, then lines that start with a space; "." is an empty line).
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sha256 } from "@slm/core";
import { z } from "zod";

/** Limit of lines in descriptions [characters]. */
const MAX_LINE = 100_000;

/** The setting `files` of a dataset. */
export const indexFolder = z
  .string()
  .optional()
  .describe("Folder of the index (node tools/data/fetch.mjs debian). Default: in the user's cache.");

export interface DebianPackage {
  readonly name: string;
  /** Source package. Packages with the same source have the same subject. */
  readonly source: string;
  readonly section: string;
  readonly synopsis: string;
  readonly paragraphs: readonly string[];
}

export interface Description {
  readonly synopsis: string;
  /** Paragraphs of running text, each on one line, without lists. */
  readonly paragraphs: readonly string[];
}

/** A stanza: fields by name, the lines of a field joined by newlines. */
type Stanza = ReadonlyMap<string, string>;

/** Reads the stanzas of a control file in order. */
async function* stanzasOf(path: string): AsyncGenerator<Stanza> {
  const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity });
  let stanza = new Map<string, string>();
  let field = "";
  for await (const line of lines) {
    if (line.length > MAX_LINE) continue;
    if (line === "") {
      if (stanza.size > 0) yield stanza;
      stanza = new Map();
      continue;
    }
    const colon = line.indexOf(":");
    if (line.startsWith(" ")) stanza.set(field, `${stanza.get(field) ?? ""}\n${line.slice(1)}`);
    else if (colon > 0) stanza.set((field = line.slice(0, colon)), line.slice(colon + 1).trim());
  }
  if (stanza.size > 0) yield stanza;
}

/** Parses synopsis and paragraphs. A paragraph with a verbatim line, which starts with a space, is treated as a list. */
export function descriptionOf(field: string): Description {
  const [synopsis = "", ...lines] = field.split("\n");
  const paragraphs: string[] = [];
  let open: string[] = [];
  const close = (): void => {
    if (open.length > 0 && !open.some((line) => /^[\s*+-]/u.test(line)))
      paragraphs.push(tidy(open.join(" ")));
    open = [];
  };
  for (const line of lines) {
    if (line.trim() === ".") close();
    else open.push(line);
  }
  close();
  return { synopsis: tidy(synopsis), paragraphs: paragraphs.filter((paragraph) => paragraph !== "") };
}

const tidy = (text: string): string => text.replace(/\s+/gu, " ").trim();

/** Sentences of a paragraph: split after a full stop, an exclamation or a question mark that precedes a capital. */
export function sentencesOf(paragraph: string): readonly string[] {
  return paragraph.split(/(?<=[.!?])\s+(?=\p{Lu})/u);
}

/** English descriptions by the hash in the packages' stanzas. */
async function englishDescriptions(folder: string): Promise<ReadonlyMap<string, Description>> {
  const descriptions = new Map<string, Description>();
  for await (const stanza of stanzasOf(join(folder, "Translation-en"))) {
    const [hash, text] = [stanza.get("Description-md5"), stanza.get("Description-en")];
    if (hash !== undefined && text !== undefined) descriptions.set(hash, descriptionOf(text));
  }
  return descriptions;
}

/** All packages with a section and a description, in the order of the index (by name). */
export async function* debianPackages(folder: string): AsyncGenerator<DebianPackage> {
  const descriptions = await englishDescriptions(folder);
  for await (const stanza of stanzasOf(join(folder, "Packages"))) {
    const [name, section] = [stanza.get("Package"), stanza.get("Section")];
    const description = descriptions.get(stanza.get("Description-md5") ?? "");
    if (name === undefined || section === undefined || description === undefined) continue;
    // "Source: gcc-12 (12.2.0-14)" if the versions differ. Without the field, the source has the package's name.
    const source = stanza.get("Source")?.split(" ")[0] ?? name;
    yield { name, source, section, ...description };
  }
}

/**
 * One accepted package per source package, chosen by the hash of its name. Packages with the same source have nearly the same
 * text, and must not be in two splits. Ordered by source name.
 */
export async function onePackagePerSource(
  folder: string,
  isAccepted: (candidate: DebianPackage) => boolean,
): Promise<readonly DebianPackage[]> {
  const chosen = new Map<string, { readonly rank: string; readonly package: DebianPackage }>();
  for await (const candidate of debianPackages(folder)) {
    if (!isAccepted(candidate)) continue;
    const rank = sha256(candidate.name);
    const best = chosen.get(candidate.source);
    if (best === undefined || rank < best.rank) chosen.set(candidate.source, { rank, package: candidate });
  }
  return [...chosen].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, best]) => best.package);
}

/** The first sentences, as many as fit; "" if the first one is too long [characters]. */
export function firstSentences(paragraphs: readonly string[], longest: number): string {
  let text = "";
  for (const sentence of paragraphs.flatMap(sentencesOf)) {
    const longer = text === "" ? sentence : `${text} ${sentence}`;
    if (longer.length > longest) break;
    text = longer;
  }
  return text;
}

/** Translated descriptions, in the order of the file. */
export async function* translatedDescriptions(folder: string, language: string): AsyncGenerator<Description> {
  for await (const stanza of stanzasOf(join(folder, `Translation-${language}`))) {
    const text = stanza.get(`Description-${language}`);
    if (text !== undefined) yield descriptionOf(text);
  }
}
