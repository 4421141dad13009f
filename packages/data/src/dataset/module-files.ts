/** Finds the files that a dataset module is made of, without running it: their contents decide whether its examples are made again. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

/** Relative paths in `from "./x"`, `import "./x"`, `import("./x")`, `require("./x")` and `new URL("./x", import.meta.url)`. */
const RELATIVE = /\b(?:from|import|require|URL)\s*\(?\s*(["'`])(\.{1,2}\/[^"'`\n]+)\1/g;
const SOURCE = /\.[cm]?[jt]sx?$/;
/** A module is written by hand: more files than this are not one. */
const MAX_FILES = 1000;

/** What a relative path may mean: itself, a TypeScript file behind its name in JavaScript, or a name without its ending. */
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

/** A file, or a folder with all below it, by its path relative to the module's folder. */
export interface ModuleFile {
  readonly name: string;
  readonly path: string;
}

/**
 * The module and every file that it or one of its files names by a relative path; packages are not followed. A path that names no
 * file is left out: loading the module says so.
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
  return [...found].map((path) => ({ name: relative(root, path).split(sep).join("/"), path })).sort(byName);
}

function byName(a: ModuleFile, b: ModuleFile): number {
  return a.name < b.name ? -1 : 1;
}

/** The first of the candidates that is a file; a folder counts where a path ends in a slash, as in `new URL("./words/", ...)`. */
async function firstThere(path: string): Promise<string | undefined> {
  for (const candidate of candidates(path)) {
    const status = await stat(candidate).catch(() => undefined);
    if (status?.isFile() === true || (candidate.endsWith(sep) && status?.isDirectory() === true))
      return candidate;
  }
  return undefined;
}
