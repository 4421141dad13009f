/** esbuild plugins that leave out the parts of third-party packages that slm does not use, and that would be read at each start. */
import { readFile } from "node:fs/promises";

/**
 * An esbuild plugin that replaces modules by an object with every name; each name is a function that does nothing.
 *
 * @param {readonly (readonly [importer: RegExp, imported: RegExp])[]} unused modules, by what imports them and what it imports
 * @returns {import("esbuild").Plugin}
 */
export const withoutModules = (unused) => ({
  name: "without-modules",
  setup: (build) => {
    build.onResolve({ filter: /./ }, ({ path, importer }) =>
      unused.some(([from, what]) => from.test(importer) && what.test(path))
        ? { path, namespace: "unused", sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace: "unused" }, () => ({
      contents: "module.exports = new Proxy({}, { get: () => () => undefined });",
    }));
  },
});

/**
 * zod's messages in forty languages, compiled schemas and schemas from JSON Schema; and how oclif finds commands by their file names and plug-ins
 * by a pattern, and checks Node's version for a package that is not there.
 */
export const UNUSED = withoutModules([
  [/\/zod\//, /\/(locales\/index|compile|from-json-schema|deep-partial)\.js$/],
  [/\/@oclif\/core\//, /^(semver|minimatch|tinyglobby)$/],
]);

/** oclif sorts the commands with a function that first loads tables for all languages, in 6 ms of CPU time. Ids of commands are ASCII. */
const SORT = {
  file: /\/@oclif\/core\/lib\/config\/plugin\.js$/,
  slow: "a.id.localeCompare(b.id)",
  fast: "a.id < b.id ? -1 : 1",
};

/** @type {import("esbuild").Plugin} */
export const LEAN_PACKAGES = {
  name: "lean-packages",
  setup: (build) => {
    // An ES module that imports `node:process` opens standard input, because the module exports it.
    build.onResolve({ filter: /^node:process$/ }, ({ path }) => ({ path, namespace: "process" }));
    build.onLoad({ filter: /./, namespace: "process" }, () => ({ contents: "module.exports = process;" }));
    build.onLoad({ filter: SORT.file }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      if (!text.includes(SORT.slow)) throw new Error(`${path} no longer contains ${SORT.slow}`);
      return { contents: text.replace(SORT.slow, SORT.fast) };
    });
  },
};
