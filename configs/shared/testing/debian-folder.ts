/** A tiny index in Debian's format, for tests without network access. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface IndexEntry {
  readonly name: string;
  readonly source?: string;
  readonly section: string;
  readonly synopsis: string;
  /** Lines of the description; "" ends a paragraph. */
  readonly lines: readonly string[];
  /** Translations by language: synopsis, then lines. */
  readonly translations?: Readonly<Record<string, readonly string[]>>;
}

const block = (lines: readonly string[]): string =>
  lines.map((line) => `\n ${line === "" ? "." : line}`).join("");

/** Writes `Packages` and `Translation-<language>`. */
export async function writeDebianIndex(
  folder: string,
  entries: readonly IndexEntry[],
  languages: readonly string[],
): Promise<void> {
  const packages = entries.map(
    ({ name, source, section, synopsis }, index) =>
      `Package: ${name}\n${source === undefined ? "" : `Source: ${source}\n`}Version: 1\n` +
      `Description: ${synopsis}\nDescription-md5: hash-${index}\nTag: a::b,\n c::d\nSection: ${section}\n`,
  );
  await writeFile(join(folder, "Packages"), packages.join("\n"));
  for (const language of languages) {
    const stanzas = entries.flatMap(({ name, synopsis, lines, translations }, index) => {
      const text = language === "en" ? [synopsis, ...lines] : translations?.[language];
      if (text === undefined) return [];
      const [first = "", ...rest] = text;
      return [
        `Package: ${name}\nDescription-md5: hash-${index}\nDescription-${language}: ${first}${block(rest)}\n`,
      ];
    });
    await writeFile(join(folder, `Translation-${language}`), stanzas.join("\n"));
  }
}
