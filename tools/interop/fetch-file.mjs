/** Downloads packages with the client of their registry, and extracts single files. */
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { sha256Of } from "../lib/user-cache.mjs";
import { pythonOf } from "./programs.mjs";

const UNPACK = new URL("unpack.py", import.meta.url).pathname;

/**
 * A package, and a file in a package, as listed in published-files.json.
 *
 * @typedef {{ registry: "pypi" | "npm" | "debian", name: string, version: string, licence: string, form?: "wheel" | "sdist" }} Package
 * @typedef {Readonly<Record<string, Package>>} Packages
 *
 * @typedef {object} PublishedFile
 * @property {string} kind
 * @property {string} package
 * @property {string} path
 * @property {string} sha256
 * @property {string} expect
 * @property {{ package: string, path: string }[]} [parts]
 * @property {string[]} [siblings]
 * @property {Record<string, { shape?: number[] }>} [feeds]
 * @property {string} [encoding]
 * @property {string} [eos]
 * @property {string} [config]
 * @property {boolean} [cases]
 */

/** The client of each registry, which downloads an archive of a package into a folder. */
/** @type {Readonly<Record<Package["registry"], (source: Package, folder: string, cache: string) => [command: string, args: string[]]>>} */
const CLIENTS = {
  pypi: ({ name, version, form = "wheel" }, folder, cache) => [
    pythonOf(cache),
    ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, ...PIP[form], `${name}==${version}`],
  ],
  npm: ({ name, version }, folder) => [
    "npm",
    ["pack", "--silent", "--pack-destination", folder, `${name}@${version}`],
  ],
  debian: ({ name, version }) => ["apt-get", ["download", "--quiet", `${name}=${version}`]],
};
/** The same wheel on every machine, because the files in it do not depend on the platform. */
const PIP = {
  wheel: [
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.11",
    ...[
      "any",
      "manylinux2014_x86_64",
      "manylinux_2_17_x86_64",
      "manylinux_2_24_x86_64",
      "manylinux_2_27_x86_64",
      "manylinux_2_28_x86_64",
      "manylinux_2_34_x86_64",
    ].map((platform) => `--platform=${platform}`),
  ],
  sdist: ["--no-binary=:all:"],
};

/**
 * Path of a file of the table. Downloads, unpacks and checks the file if it is missing. Joins files in several parts (`parts`, from other
 * packages), and also extracts the files in `siblings`.
 *
 * @throws Error if a hash differs from the table
 */
export async function fetchFile(
  /** @type {string} */ cache,
  /** @type {Packages} */ packages,
  /** @type {PublishedFile} */ { package: id, path, parts, siblings = [], sha256 },
) {
  const folder = join(cache, "files", id);
  const target = join(folder, path);
  const missing = [target, ...siblings.map((one) => join(folder, one))].some((one) => !existsSync(one));
  if (missing) {
    await mkdir(dirname(target), { recursive: true });
    const wanted = parts ?? [{ package: id, path }];
    const sources = [];
    for (const part of wanted) sources.push(await archiveOf(cache, packages, part.package), part.path);
    await execa(pythonOf(cache), [UNPACK, target, ...sources]);
    for (const one of siblings)
      await execa(pythonOf(cache), [UNPACK, join(folder, one), await archiveOf(cache, packages, id), one]);
  }
  const got = sha256Of(target);
  if (got !== sha256) throw new Error(`${target}: sha256 is ${got}, expected ${sha256}`);
  return target;
}

async function archiveOf(
  /** @type {string} */ cache,
  /** @type {Packages} */ packages,
  /** @type {string} */ id,
) {
  const source = packages[id];
  if (source === undefined) throw new Error(`published-files.json: no package '${id}'`);
  const folder = join(
    cache,
    "archives",
    source.registry,
    `${id}-${source.version}`.replaceAll(/[^\w.-]/gu, "_"),
  );
  if (!existsSync(folder) || (await readdir(folder)).length === 0) {
    await mkdir(folder, { recursive: true });
    const [command, args] = CLIENTS[source.registry](source, folder, cache);
    process.stderr.write(`downloading ${source.name} ${source.version}\n`);
    await execa(command, args, { cwd: folder });
  }
  const [archive = ""] = await readdir(folder);
  return join(folder, archive);
}
