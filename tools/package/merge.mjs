/**
 * Merges the chunks that short commands load. esbuild makes one chunk for each set of entries that share code, about a hundred for
 * `slm generate`, and each file takes longer to open than to run.
 */
import { rm } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { rollup } from "rollup";
import { ENTRIES, MERGED, output, root } from "./layout.mjs";

/** @typedef {import("esbuild").Metafile["outputs"]} Outputs */

/** The definition of `require` at the start of each chunk. */
const BANNER = /^import \{ createRequire as createRequireOfBundle \}.*\n.*\n/u;
const DIRECTORY = join(output, "dist");

/** The outputs that are loaded together with some outputs. */
function withImports(/** @type {Outputs} */ outputs, /** @type {readonly string[]} */ paths) {
  const found = new Set(paths);
  for (const path of found)
    for (const { kind, path: imported } of outputs[path]?.imports ?? [])
      if (kind === "import-statement" && outputs[imported] !== undefined) found.add(imported);
  return found;
}

/** The group of each output that is merged. An output that several groups load is in the first one. */
function groupsOf(/** @type {Outputs} */ outputs) {
  /** @type {Map<string, string>} */
  const groups = new Map();
  for (const [group, sources] of Object.entries(MERGED)) {
    const entries = sources.map((source) => {
      const path = Object.keys(outputs).find((name) => outputs[name]?.entryPoint === source);
      if (path === undefined) throw new Error(`${source} is neither an entry nor loaded by import()`);
      return path;
    });
    for (const path of withImports(outputs, entries)) if (!groups.has(path)) groups.set(path, group);
  }
  return groups;
}

/** Removes the definition of `require` from a file that does not use it. */
function withoutRequire(/** @type {string} */ code) {
  const rest = code.replace(BANNER, "");
  return /\brequire\b/u.test(rest) ? code : rest;
}

/** The merged outputs that a program, or an output that is not merged, imports by their file name. */
function namedOutputs(/** @type {Outputs} */ outputs, /** @type {ReadonlyMap<string, string>} */ groups) {
  const named = new Set(Object.keys(ENTRIES).map((entry) => `${relative(root, DIRECTORY)}/${entry}.js`));
  for (const [path, { imports }] of Object.entries(outputs))
    if (!groups.has(path)) for (const { path: imported } of imports) named.add(imported);
  return [...groups.keys()].filter((path) => named.has(path));
}

/** A file that re-exports an output, so that the output itself can be moved to another file. */
const FACADE = "facade:";

/** Merges chunks of the published package. Files that other files import by their name remain, and re-export what was merged. */
export async function mergeChunks(/** @type {Outputs} */ outputs) {
  const groups = groupsOf(outputs);
  const groupOf = (/** @type {string} */ id) => groups.get(relative(root, id));
  const facades = namedOutputs(outputs, groups);
  const bundle = await rollup({
    input: Object.fromEntries(facades.map((path) => [basename(path, ".js"), FACADE + path])),
    makeAbsoluteExternalsRelative: false,
    plugins: [
      {
        name: "facades",
        // All chunks are in one folder, so a path to one is also right in a merged file.
        resolveId: (id) => {
          if (id.startsWith(FACADE)) return id;
          const path = join(DIRECTORY, id);
          return groupOf(path) === undefined ? { id, external: true } : path;
        },
        load: (id) => {
          if (!id.startsWith(FACADE)) return null;
          const path = id.slice(FACADE.length);
          const from = `from ${JSON.stringify(`./${basename(path)}`)};`;
          const hasDefault = outputs[path]?.exports.includes("default") === true;
          return `export * ${from}${hasDefault ? `export { default } ${from}` : ""}`;
        },
        transform: (code) => ({ code: withoutRequire(code), map: null }),
      },
    ],
    treeshake: false,
    logLevel: "silent",
  });
  for (const path of groups.keys()) await rm(join(root, path));
  await bundle.write({
    dir: DIRECTORY,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    manualChunks: groupOf,
    compact: true,
    hoistTransitiveImports: false,
  });
  await bundle.close();
}
