/**
 * Checks package-lock.json: every package must come from the public registry and have a hash. Packages with an install script must be
 * listed here, because they must work without it.
 *
 *   npm run lockfile    prints problems; exit code 1 if there are any
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const FILE = join(import.meta.dirname, "..", "..", "package-lock.json");
const REGISTRY = "https://registry.npmjs.org";

/** Packages with an install script, and what the script does. `ignore-scripts` in .npmrc prevents all of them from running. */
export const INSTALL_SCRIPTS = {
  "core-js": "prints a message",
  esbuild: "replaces its launcher with the program, which is also found without it",
  koffi: "compiles a library if no prebuilt one fits; prebuilt libraries are packages",
  "msgpackr-extract": "compiles a library if no prebuilt one fits; it is optional",
  nx: "prepares its cache",
  "onnxruntime-node": "downloads CUDA libraries from outside the registry on Linux",
  protobufjs: "prints warnings about versions",
};

/**
 * A part of package-lock.json.
 *
 * @typedef {{ version?: string, resolved?: string, link?: boolean, inBundle?: boolean, hasInstallScript?: boolean, integrity?: string, name?: string }} LockedPackage
 * @typedef {{ packages: Record<string, LockedPackage> }} Lock
 */

/** Address of a package's archive in the public registry. */
export function addressOf(/** @type {string} */ name, /** @type {string | undefined} */ version) {
  return `${REGISTRY}/${name}/-/${name.split("/").at(-1)}-${version}.tgz`;
}

/** Entries of packages from a registry, with their names. */
function* fromRegistry(/** @type {Lock} */ { packages }) {
  for (const [path, entry] of Object.entries(packages)) {
    const at = path.lastIndexOf("node_modules/");
    if (at < 0 || entry.link === true) continue;
    yield { path, entry, name: entry.name ?? path.slice(at + "node_modules/".length) };
  }
}

/** @returns the problems of a lock file, one text each */
export function problemsOf(/** @type {Lock} */ lock) {
  const problems = [];
  for (const { path, entry, name } of fromRegistry(lock)) {
    const expected = addressOf(name, entry.version);
    if (entry.resolved !== expected)
      problems.push(`${path}: from ${entry.resolved ?? "nowhere"}, expected ${expected}`);
    if (!/^sha512-/u.test(entry.integrity ?? "")) problems.push(`${path}: no SHA-512`);
    if (entry.hasInstallScript === true && !(name in INSTALL_SCRIPTS))
      problems.push(
        `${path}: has an install script; explain in tools/scripts/lockfile.mjs why it is not needed`,
      );
  }
  const scripted = new Set(
    [...fromRegistry(lock)].flatMap(({ entry, name }) => (entry.hasInstallScript ? [name] : [])),
  );
  for (const name of Object.keys(INSTALL_SCRIPTS))
    if (!scripted.has(name))
      problems.push(`${name}: no longer has an install script; remove it from tools/scripts/lockfile.mjs`);
  return problems;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const problems = problemsOf(JSON.parse(await readFile(FILE, "utf8")));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`package-lock.json: ${problems.length} problems`);
    process.exitCode = 1;
  }
}
