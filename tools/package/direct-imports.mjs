/**
 * An esbuild plugin that imports names from the file that defines them, instead of from the package's `index.ts`. Otherwise a chunk that needs
 * one name of a package loads the whole package.
 */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "./layout.mjs";

/** An import or re-export of names from one of our packages: `import { a, b as c } from "@slm/core"`. */
const NAMES = /^(import|export) \{([^}]*)\} from "@slm\/([a-z-]+)";$/gmu;
/** A re-export of names, or of all names, of another file. */
const EXPORTS = /^export (?:\{([^}]*)\}|\*) from "(\.[^"]+)\.js";$/gmu;

/** @type {Map<string, ReadonlyMap<string, string>>} */
const known = new Map();

/** The parts of `a, type B, c as d`, without types. */
const valuesOf = (/** @type {string} */ names) =>
  names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "));

/** The names that a file re-exports, with the files that define them. A renamed export is not listed. */
function reexports(/** @type {string} */ file) {
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const [, names, from] of readFileSync(file, "utf8").matchAll(EXPORTS)) {
    const path = join(dirname(file), `${from}.ts`);
    if (names === undefined) for (const [name, defining] of reexports(path)) files.set(name, defining);
    else for (const name of valuesOf(names)) files.set(name, path);
  }
  return files;
}

/** The same for a package's `index.ts`. */
function filesOf(/** @type {string} */ name) {
  const index = join(root, "packages", name, "src", "index.ts");
  const files = known.get(name) ?? (existsSync(index) ? reexports(index) : new Map());
  known.set(name, files);
  return files;
}

/** The same statement as several ones, each from the file that defines its names. */
export const direct = (/** @type {string} */ text) =>
  text.replaceAll(NAMES, (_statement, /** @type {string} */ word, names, /** @type {string} */ name) => {
    const files = filesOf(name);
    return valuesOf(names)
      .map((value) => {
        const file = files.get(value.split(" as ")[0] ?? "");
        return `${word} { ${value} } from ${JSON.stringify(file ?? `@slm/${name}`)};`;
      })
      .join(" ");
  });

/** @type {import("esbuild").Plugin} */
export const DIRECT_IMPORTS = {
  name: "direct-imports",
  setup: (build) => {
    build.onLoad({ filter: /\/(apps|packages)\/[^/]+\/src\/.*\.ts$/ }, async ({ path }) => ({
      contents: direct(await readFile(path, "utf8")),
      loader: "ts",
    }));
  },
};
