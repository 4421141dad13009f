/**
 * Checks the structure of the sources: imports between files and between folders of a package must not form a cycle (imports of types
 * count), and a package's `src` must have few files directly in it.
 *
 *   npm run structure
 *
 * Reads all source files of packages/ and apps/ except tests. Prints a shortest path for each cycle, and each `src` with too many files.
 * Exit code 1 if there are problems. A package's `index.ts` does not belong to a folder, because it only re-exports.
 */
import { readFile, readdir } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

/** Maximum number of source files directly in a package's `src`. */
const ROOT_FILES = 12;
const root = join(import.meta.dirname, "..", "..");

/** Graph of imports. Nodes are files or folders, by path. */
type Graph = ReadonlyMap<string, ReadonlySet<string>>;

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly "@slm/source"?: string }>>;
}

/** The folders of packages and apps. */
async function packageFolders(): Promise<string[]> {
  const parents = ["packages", "apps"].map((parent) => join(root, parent));
  const names = await Promise.all(
    parents.map(async (parent) => (await readdir(parent)).map((name) => join(parent, name))),
  );
  return names.flat();
}

async function sourcesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter(({ name }) => /\.ts$/.test(name) && !/\.(test|test-support|d)\.ts$/.test(name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter(
      (path) => path.startsWith(join(folder, "src")) && !/\/(fixtures|testing|test-support)\//.test(path),
    );
}

/** The source file of each package import, by specifier. */
async function entriesOf(folders: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const entries = new Map<string, string>();
  for (const folder of folders) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const { name, exports = {} } = JSON.parse(text) as Manifest;
    for (const [path, { "@slm/source": source }] of Object.entries(exports))
      if (source !== undefined)
        entries.set(path === "." ? name : `${name}/${path.slice(2)}`, resolve(folder, source));
  }
  return entries;
}

/** The files that a file imports or re-exports, including types. */
async function importsOf(file: string, entries: ReadonlyMap<string, string>): Promise<Set<string>> {
  const source = ts.createSourceFile(file, await readFile(file, "utf8"), ts.ScriptTarget.Latest);
  const targets = new Set<string>();
  const add = (specifier: string): void => {
    const target = specifier.startsWith(".")
      ? resolve(dirname(file), specifier.replace(/\.js$/, ".ts"))
      : entries.get(specifier);
    if (target !== undefined) targets.add(target);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const { moduleSpecifier } = node;
      if (moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier)) add(moduleSpecifier.text);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) add(node.argument.literal.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return targets;
}

/** Strongly connected components (Tarjan 1972). */
function cyclesOf(graph: Graph): string[][] {
  const [index, low, onStack] = [new Map<string, number>(), new Map<string, number>(), new Set<string>()];
  const [stack, found]: [string[], string[][]] = [[], []];
  const connect = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    onStack.add(node);
    for (const next of graph.get(node)!) {
      if (!index.has(next)) connect(next);
      if (onStack.has(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    for (const member of group) onStack.delete(member);
    if (group.length > 1) found.push(group);
  };
  for (const node of graph.keys()) if (!index.has(node)) connect(node);
  return found;
}

/** A shortest path from a node of a group back to it. */
function wayRound(graph: Graph, group: readonly string[]): string[] {
  const members = new Set(group);
  const ways = group.flatMap((start) => {
    const before = new Map<string, string>();
    const queue = [start];
    for (const node of queue)
      for (const next of graph.get(node)!) {
        if (next === start) {
          const way = [start];
          for (let at: string | undefined = node; at !== undefined && at !== start; at = before.get(at))
            way.unshift(at);
          return [[start, ...way]];
        }
        if (members.has(next) && !before.has(next)) {
          before.set(next, node);
          queue.push(next);
        }
      }
    return [];
  });
  return ways.sort((a, b) => a.length - b.length)[0] ?? [];
}

/** The graph of the files that were read. */
function closed(imports: Graph): Graph {
  return new Map(
    [...imports].map(([file, targets]) => [file, new Set([...targets].filter((to) => imports.has(to)))]),
  );
}

/** The graph of the folders of one package: a folder imports another if one of its files does. */
function foldersOf(files: Graph, source: string): Graph {
  const folders = new Map<string, Set<string>>();
  const folderOf = (file: string): string | undefined =>
    file.startsWith(`${source}/`) && file !== join(source, "index.ts") ? dirname(file) : undefined;
  for (const [file, targets] of files) {
    const from = folderOf(file);
    if (from === undefined) continue;
    const known = folders.get(from) ?? new Set<string>();
    folders.set(from, known);
    for (const to of [...targets].map(folderOf)) if (to !== undefined && to !== from) known.add(to);
  }
  return folders;
}

const folders = await packageFolders();
const entries = await entriesOf(folders);
const sources = (await Promise.all(folders.map(sourcesOf))).flat();
const imports = new Map<string, Set<string>>();
for (const file of sources) imports.set(file, await importsOf(file, entries));
const files = closed(imports);

const name = (path: string): string => relative(root, path);
const problems: string[] = [];
for (const group of cyclesOf(files))
  problems.push(`${group.length} files form a cycle: ${wayRound(files, group).map(name).join(" -> ")}`);
for (const folder of folders) {
  const source = join(folder, "src");
  const graph = foldersOf(files, source);
  for (const group of cyclesOf(graph))
    problems.push(
      `${name(folder)}: ${group.length} folders form a cycle: ${wayRound(graph, group).map(name).join(" -> ")}`,
    );
  const own = sources.filter((file) => dirname(file) === source).map((file) => basename(file));
  if (own.length > ROOT_FILES)
    problems.push(
      `${name(source)} has ${own.length} source files directly in it, expected at most ${ROOT_FILES}`,
    );
}
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.stdout.write(`${sources.length} files, ${problems.length} problems\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
