/**
 * Checks the structure of the sources: imports between files and between folders of a package must not form a cycle (imports of types
 * count), and a package's `src` must have few files directly in it.
 *
 *   npm run structure
 *
 * Reads all source files of packages/ and apps/ except tests. Prints each cycle that it meets, and each `src` with too many files.
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

/** The files that a file imports or re-exports, including types. `import()` of values does not count. */
async function importsOf(file: string, entries: ReadonlyMap<string, string>): Promise<Set<string>> {
  const specifiers: (ts.Node | undefined)[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifiers.push(node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      specifiers.push(node.argument.literal);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, await readFile(file, "utf8"), ts.ScriptTarget.Latest));
  const targets = specifiers.map((specifier) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return undefined;
    const { text } = specifier;
    return text.startsWith(".") ? resolve(dirname(file), text.replace(/\.js$/, ".ts")) : entries.get(text);
  });
  return new Set(targets.filter((target) => target !== undefined));
}

/** Cycles: the nodes on the way from a node back to it, which is first and last. Each group of cyclic nodes has at least one. */
function cyclesOf(graph: Graph): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    if (way.includes(node)) found.push([...way.slice(way.indexOf(node)), node]);
    else if (!done.has(node)) for (const next of graph.get(node)!) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
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
for (const way of cyclesOf(files)) problems.push(`files form a cycle: ${way.map(name).join(" -> ")}`);
for (const folder of folders) {
  const source = join(folder, "src");
  const graph = foldersOf(files, source);
  for (const way of cyclesOf(graph))
    problems.push(`${name(folder)}: folders form a cycle: ${way.map(name).join(" -> ")}`);
  const own = sources.filter((file) => dirname(file) === source).map((file) => basename(file));
  if (own.length > ROOT_FILES)
    problems.push(
      `${name(source)} has ${own.length} source files directly in it, expected at most ${ROOT_FILES}`,
    );
}
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.stdout.write(`${sources.length} files, ${problems.length} problems\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
