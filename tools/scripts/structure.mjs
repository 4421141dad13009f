/**
 * Checks the structure of the sources: the rules of .dependency-cruiser.mjs (no cycles of files, the order of layers), no cycles of packages
 * or of folders, and few files directly in a package's `src`. Imports of types and `import()` count.
 *
 *   npm run structure
 *
 * Reads the folders packages, apps, configs, e2e and tools of the current directory. Prints each problem. Exit code 1 if there are any.
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path/posix";
import { cruise, format } from "dependency-cruiser";
import config from "../../.dependency-cruiser.mjs";

/**
 * @typedef {import("dependency-cruiser").IModule} Module
 * @typedef {(file: string) => string | undefined} UnitOf
 */

/** Maximum number of source files directly in a package's `src`. */
const ROOT_FILES = 12;
const PLACES = ["packages", "apps", "configs", "e2e", "tools"];
const TEST = /\.(test|test-support|d)\.ts$|\/(fixtures|testing|test-support)\//;

/** The folder of a source file. A package's `index.ts` does not belong to a folder, because it only re-exports. */
/** @type {UnitOf} */
const folderOf = (file) =>
  /^(packages|apps)\/[^/]+\/src\/(?!index\.ts$)/.test(file) && !TEST.test(file) ? dirname(file) : undefined;
/** @type {UnitOf} */
const packageOf = (file) => /^(?:packages|apps)\/[^/]+(?=\/src\/)/.exec(file)?.[0];

/** Ways from a folder or package back to it, which is first and last. Each group that forms a cycle has at least one. */
function cyclesOf(/** @type {readonly Module[]} */ modules, /** @type {UnitOf} */ unitOf) {
  /** @type {Map<string, Set<string>>} */
  const graph = new Map();
  for (const { source, dependencies } of modules) {
    const from = unitOf(source);
    if (from === undefined) continue;
    const known = graph.get(from) ?? new Set();
    graph.set(from, known);
    for (const to of dependencies.map(({ resolved }) => unitOf(resolved)))
      if (to !== undefined && to !== from) known.add(to);
  }
  /** @type {string[][]} */
  const found = [];
  const done = new Set();
  const visit = (/** @type {string} */ unit, /** @type {readonly string[]} */ way) => {
    if (way.includes(unit)) found.push([...way.slice(way.indexOf(unit)), unit]);
    else if (!done.has(unit)) for (const next of graph.get(unit) ?? []) visit(next, [...way, unit]);
    done.add(unit);
  };
  for (const unit of graph.keys()) visit(unit, []);
  return found;
}

/** Each package's `src` with too many source files directly in it. */
function fullFolders(/** @type {readonly Module[]} */ modules) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { source } of modules)
    if (/^(packages|apps)\/[^/]+\/src\/[^/]+$/.test(source) && !TEST.test(source))
      counts.set(dirname(source), (counts.get(dirname(source)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > ROOT_FILES);
}

const { options, ...ruleSet } = config;
const places = PLACES.filter((place) => existsSync(place));
const result = /** @type {import("dependency-cruiser").ICruiseResult} */ (
  (await cruise(places, { ...options, ruleSet, validate: true })).output
);
const rules = await format(result, { outputType: "err" });
const { modules } = result;
const problems = [
  ...cyclesOf(modules, packageOf).map((way) => `packages form a cycle: ${way.join(" -> ")}`),
  ...cyclesOf(modules, folderOf).map((way) => `folders form a cycle: ${way.join(" -> ")}`),
  ...fullFolders(modules).map(
    ([folder, count]) => `${folder} has ${count} source files directly in it, expected at most ${ROOT_FILES}`,
  ),
];
for (const problem of problems) console.log(problem);
if (typeof rules.output === "string") console.log(rules.output.trim());
process.exitCode = rules.exitCode === 0 && problems.length === 0 ? 0 : 1;
