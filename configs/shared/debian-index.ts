/**
 * Debian's index of packages: the section, the one-line synopsis and the description of each, in English and translated.
 *
 * Source: deb822(5); Debian Policy 5.6.13 (description: synopsis, then lines that begin with a space, "." for an empty one).
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sha256 } from "@slm/core";

/** Longer lines are no description [characters]. */
const MAX_LINE = 100_000;

export interface DebianPackage {
  readonly name: string;
  /** Source package: packages of one source are about one thing. */
  readonly source: string;
  readonly section: string;
  readonly synopsis: string;
  readonly paragraphs: readonly string[];
}

export interface Description {
  readonly synopsis: string;
  /** Paragraphs of running text, each on one line; lists are left out. */
  readonly paragraphs: readonly string[];
}

/** A stanza: fields by name, the lines of a field joined by newlines. */
type Stanza = ReadonlyMap<string, string>;

/** Stanzas of a control file in order. */
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

/** Synopsis and paragraphs. A line that begins with a space is verbatim, so a paragraph with one is a list. */
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

/** Sentences of a paragraph: cut after a full stop, an exclamation or a question mark, before a capital. */
export function sentencesOf(paragraph: string): readonly string[] {
  return paragraph.split(/(?<=[.!?])\s+(?=\p{Lu})/u);
}

/** English descriptions by the hash that packages name them with. */
async function englishDescriptions(folder: string): Promise<ReadonlyMap<string, Description>> {
  const descriptions = new Map<string, Description>();
  for await (const stanza of stanzasOf(join(folder, "Translation-en"))) {
    const [hash, text] = [stanza.get("Description-md5"), stanza.get("Description-en")];
    if (hash !== undefined && text !== undefined) descriptions.set(hash, descriptionOf(text));
  }
  return descriptions;
}

/** Every package that has a section and a description, in the order of the index, which is that of names. */
export async function* debianPackages(folder: string): AsyncGenerator<DebianPackage> {
  const descriptions = await englishDescriptions(folder);
  for await (const stanza of stanzasOf(join(folder, "Packages"))) {
    const [name, section] = [stanza.get("Package"), stanza.get("Section")];
    const description = descriptions.get(stanza.get("Description-md5") ?? "");
    if (name === undefined || section === undefined || description === undefined) continue;
    // "Source: gcc-12 (12.2.0-14)" where the versions differ; without the field the source is called as the package.
    const source = stanza.get("Source")?.split(" ")[0] ?? name;
    yield { name, source, section, ...description };
  }
}

/**
 * One of the accepted packages of every source package, chosen by the hash of its name: packages of one source have nearly the same
 * text, and must not be on both sides of a split. In the order of the names of sources.
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

/** The first sentences, as many as fit: "" where the first one is too long already [characters]. */
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
