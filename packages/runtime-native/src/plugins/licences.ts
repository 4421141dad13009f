/** The licence texts of a package, and the information that a user sees before the package is unpacked. */
import { posix } from "node:path";
import type { KnownPlugin } from "./known.js";
import type { PackageFacts } from "./package-facts.js";
import { readStart, type PackageEntry, type PackageSource } from "./package-source.js";

export interface LicenceText {
  /** In the package. */
  readonly path: string;
  /** The first lines; empty for a PDF file. */
  readonly lines: readonly string[];
}

/** What the user accepts. */
export interface PackageLicence {
  /** Licence according to the package's metadata. */
  readonly declared: string | null;
  /** What slm knows about the licence. */
  readonly covers: string | null;
  readonly texts: readonly LicenceText[];
  /** Address of terms that the package only refers to. */
  readonly terms: string | null;
}

/**
 * Matches the names of licence texts in the known packages: LICENSE, Qualcomm_LICENSE.pdf, ThirdPartyNotices.txt, TRTRTX_Acknowledgements.txt. No two
 * adjacent repetitions match the same characters, so a near match takes no longer.
 */
const LICENCE_NAME =
  /(?:^|[-_.])(?:(?:licen[cs]es?|copying|notices?|eula|privacy|acknowledgements?)(?:[-_.][\w.-]*)?|third-?party[\w.-]*)$/iu;
const TEXT_EXTENSIONS = new Set(["", ".txt", ".md", ".rst", ".pdf", ".html"]);

export function isLicence(path: string): boolean {
  const { name, ext } = posix.parse(path);
  return TEXT_EXTENSIONS.has(ext.toLowerCase()) && LICENCE_NAME.test(name);
}

const SHOWN_LINES = 3;
const START_BYTES = 4096;
const LINE_LENGTH = 120;

/** Reads the first lines of each text. */
export async function readLicence(
  source: PackageSource,
  entries: readonly PackageEntry[],
  facts: PackageFacts,
  known?: KnownPlugin,
): Promise<PackageLicence> {
  const texts: LicenceText[] = [];
  const paths = entries.map((entry) => entry.path).filter((path) => isLicence(path));
  for (const path of paths.sort((a, b) => rank(a) - rank(b)))
    texts.push({ path, lines: path.toLowerCase().endsWith(".pdf") ? [] : await firstLines(source, path) });
  const { covers = null, terms = null } = known?.licence ?? {};
  return { declared: facts.licence, covers, texts, terms };
}

/** Terms come before third-party notices. */
const rank = (path: string): number => (/licen[cs]e|eula/iu.test(posix.basename(path)) ? 0 : 1);

async function firstLines(source: PackageSource, path: string): Promise<readonly string[]> {
  const start = (await readStart(source, path, START_BYTES)).toString("utf8");
  // Terminals interpret control characters, so the text of a package must not contain any.
  const printable = start.replaceAll(/[^\P{C}\n]/gu, "");
  return printable
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /[\p{L}\p{N}]/u.test(line))
    .slice(0, SHOWN_LINES)
    .map((line) => (line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH - 1)}…` : line));
}
