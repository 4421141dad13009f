/**
 * Circles of imports between source files, those of types included. A file of a circle cannot be read without the others.
 *
 *   node tools/scripts/import-cycles.mjs [package ...]
 *
 * Reads every source file of packages/ and apps/, tests left out. Prints each circle as its group of files, with one shortest way round, and
 * whether it is there when the program runs or only for the compiler. Exit 1 if a package that is named has one; without names, if any
 * has.
 */
import { readFile, readdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..", "..");
const named = process.argv.slice(2);

async function sourcesOf(/** @type {string} */ folder) {
  const found = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return found
    .filter(({ name }) => /\.ts$/.test(name) && !/\.(test|d)\.ts$/.test(name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !/\/(node_modules|dist|fixtures)\//.test(path));
}

/** Where an import of our own leads: files beside, or the entry of a package. */
const entries = new Map();
for (const folder of ["packages", "apps"]) {
  for (const name of await readdir(join(root, folder))) {
    const at = join(root, folder, name);
    const text = await readFile(join(at, "package.json"), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const { name: id, exports = {} } = JSON.parse(text);
    for (const [path, conditions] of Object.entries(exports)) {
      const source = conditions["@slm/source"];
      if (source !== undefined)
        entries.set(path === "." ? id : `${id}/${path.slice(2)}`, resolve(at, source));
    }
  }
}

/** What a file imports or exports again, by file; `true` where something is left of it when the program runs. */
async function importsOf(/** @type {string} */ file) {
  const source = ts.createSourceFile(file, await readFile(file, "utf8"), ts.ScriptTarget.Latest);
  /** @type {Map<string, boolean>} */
  const targets = new Map();
  const add = (/** @type {string} */ specifier, /** @type {boolean} */ isValue) => {
    const target = specifier.startsWith(".")
      ? resolve(dirname(file), specifier.replace(/\.js$/, ".ts"))
      : entries.get(specifier);
    if (target !== undefined) targets.set(target, isValue || targets.get(target) === true);
  };
  const visit = (/** @type {ts.Node} */ node) => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const clause = ts.isImportDeclaration(node) ? node.importClause : undefined;
      const names = ts.isImportDeclaration(node) ? clause?.namedBindings : node.exportClause;
      const isOfTypes = ts.isImportDeclaration(node) ? clause?.isTypeOnly : node.isTypeOnly;
      const isListed = names !== undefined && (ts.isNamedImports(names) || ts.isNamedExports(names));
      const hasDefault = clause?.name !== undefined;
      const isOnlyTypes =
        isOfTypes === true ||
        (isListed &&
          !hasDefault &&
          names.elements.length > 0 &&
          names.elements.every(({ isTypeOnly }) => isTypeOnly));
      add(node.moduleSpecifier.text, !isOnlyTypes);
    } else if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument) &&
      ts.isStringLiteral(node.argument.literal)
    ) {
      add(node.argument.literal.text, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return targets;
}

/** @type {Map<string, Map<string, boolean>>} */
const graph = new Map();
for (const folder of ["packages", "apps"])
  for (const file of await sourcesOf(folder)) graph.set(file, await importsOf(file));

/** Groups of files each of which leads to every other (Tarjan 1972). */
function groups(/** @type {(file: string) => readonly string[]} */ successors) {
  const [index, low, onStack] = [new Map(), new Map(), new Set()];
  /** @type {string[]} */
  const stack = [];
  /** @type {string[][]} */
  const found = [];
  const connect = (/** @type {string} */ file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    onStack.add(file);
    for (const next of successors(file)) {
      if (!index.has(next)) connect(next);
      if (onStack.has(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.lastIndexOf(file)).reverse();
    for (const one of group) onStack.delete(one);
    if (group.length > 1 || successors(file).includes(file)) found.push(group);
  };
  for (const file of graph.keys()) if (!index.has(file)) connect(file);
  return found;
}

/** A shortest way from a file of a group back to it. */
function wayRound(/** @type {readonly string[]} */ group) {
  const members = new Set(group);
  const ways = group.map((start) => {
    const before = new Map();
    const queue = [start];
    for (const file of queue) {
      for (const next of graph.get(file)?.keys() ?? []) {
        if (next === start) {
          const way = [start];
          for (let at = file; at !== start; at = before.get(at)) way.unshift(at);
          return [start, ...way];
        }
        if (members.has(next) && !before.has(next)) {
          before.set(next, file);
          queue.push(next);
        }
      }
    }
    return undefined;
  });
  return ways.filter((way) => way !== undefined).sort((a, b) => a.length - b.length)[0] ?? [];
}

const all = (/** @type {string} */ file) =>
  [...(graph.get(file)?.keys() ?? [])].filter((next) => graph.has(next));
const atRunTime = (/** @type {string} */ file) => all(file).filter((next) => graph.get(file)?.get(next));
const running = new Set(groups(atRunTime).flat());
const name = (/** @type {string} */ file) => relative(root, file);
const isNamed = (/** @type {string} */ file) =>
  named.length === 0 || named.some((part) => name(file).startsWith(`packages/${part}/`));

let count = 0;
for (const group of groups(all)) {
  if (!group.some(isNamed)) continue;
  count += 1;
  const kind = group.some((file) => running.has(file)) ? "at run time" : "of types";
  console.log(`${group.length} files in a circle ${kind}: ${wayRound(group).map(name).join(" -> ")}`);
  for (const file of group.map(name).sort()) console.log(`  ${file}`);
}
console.log(`${graph.size} files, ${count} ${count === 1 ? "circle" : "circles"}`);
process.exitCode = count === 0 ? 0 : 1;
