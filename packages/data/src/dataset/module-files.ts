/** Finds all files of a dataset module without running it. If their contents change, its examples are generated again. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { storedPath } from "@slm/core";

/** Relative paths in `from "./x"`, `import "./x"`, `import("./x")`, `require("./x")` and `new URL("./x", import.meta.url)`. */
const RELATIVE = /\b(?:from|import|require|URL)\s*\(?\s*(["'`])(\.{1,2}\/[^"'`\n]+)\1/g;
const SOURCE = /\.[cm]?[jt]sx?$/;
/** Limit of files. A module is written by hand and has far fewer. */
const MAX_FILES = 1000;

/** Candidates for a relative path: the path itself, the TypeScript file of a `.js` name, or a name without its extension. */
function candidates(path: string): readonly string[] {
  const typed = path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2");
  const endings = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"];
  return [
    path,
    typed,
    ...endings.map((ending) => `${path}${ending}`),
    ...endings.map((ending) => join(path, `index${ending}`)),
  ];
}

/** A file, or a folder with all its contents, by its path relative to the module's folder. */
export interface ModuleFile {
  readonly name: string;
  readonly path: string;
}

/**
 * The module and, recursively, every file that it names by a relative path. Imports of packages are not followed. Paths that do
 * not exist are skipped, because loading the module reports them.
 */
export async function moduleFiles(module: string): Promise<readonly ModuleFile[]> {
  const found = new Set([module]);
  for (const path of found) {
    if (!SOURCE.test(path) || found.size > MAX_FILES) continue;
    const text = await readFile(path, "utf8").catch(() => "");
    for (const [, , specifier = ""] of text.matchAll(RELATIVE)) {
      const file = await firstThere(join(dirname(path), specifier));
      if (file !== undefined) found.add(file);
    }
  }
  const root = dirname(module);
  return [...found].map((path) => ({ name: storedPath(root, path), path })).sort(byName);
}

function byName(a: ModuleFile, b: ModuleFile): number {
  return a.name < b.name ? -1 : 1;
}

/** The first candidate that is a file, or a folder if the path ends in a slash, as in `new URL("./words/", ...)`. */
async function firstThere(path: string): Promise<string | undefined> {
  for (const candidate of candidates(path)) {
    const status = await stat(candidate).catch(() => undefined);
    if (status?.isFile() === true || (candidate.endsWith(sep) && status?.isDirectory() === true))
      return candidate;
  }
  return undefined;
}
