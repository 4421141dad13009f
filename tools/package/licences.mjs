/** The licences of what was bundled, in one file: their texts must travel with the code; and of what is installed beside it, by name. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./layout.mjs";

const LICENCE_FILE = /^(licence|license|copying|notice)(\b|$)/i;
/** The package a bundled file belongs to: the last `node_modules/NAME` of its path. */
const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * A package whose code is in ours, or that is installed beside ours; old packages say their licence as an object.
 *
 * @typedef {{ folder: string, name: string, version: string, license?: string | { type?: string } }} Bundled
 * @typedef {{ folder: string, name: string, version: string, license: string, integrity?: string }} Beside
 */

/** What licences ask to be said of packages that are installed beside ours. */
const NOTICES = `libvips and the libraries in it (LGPL-3.0-or-later, in @img/sharp-libvips-* and @img/sharp-win32-*, @img/sharp-wasm32) decode images. sharp
loads them as a library of their own that you may replace by your own build: https://github.com/lovell/sharp-libvips has the sources and how they
are built. This package holds no part of them.`;

/**
 * @param inputs paths of bundled files, from the repository's root
 * @returns folders of the packages that they belong to, with name, version and licence. @throws Error for a package that says no licence
 */
export async function bundledPackages(/** @type {string[]} */ inputs) {
  /** @type {Bundled[]} */
  const found = [];
  const folders = [...new Set(inputs.flatMap((path) => PACKAGE.exec(path)?.[1] ?? []))].sort();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
    if (name === undefined) continue; // A folder of a package, such as `dist/esm` with a type of its own.
    found.push({ folder, name, version, license });
  }
  return found;
}

/**
 * @param bundled as {@link bundledPackages} gives them
 * @param beside packages that are installed beside ours, with name, version and licence
 */
export async function writeLicences(
  /** @type {readonly Bundled[]} */ bundled,
  /** @type {readonly Beside[]} */ beside,
  /** @type {string} */ file,
) {
  const parts = [];
  for (const { folder, name, version, license } of bundled) {
    const names = (await readdir(join(root, folder))).filter((entry) => LICENCE_FILE.test(entry)).sort();
    const texts = await Promise.all(names.map((entry) => readFile(join(root, folder, entry), "utf8")));
    if (license === undefined && texts.length === 0) throw new Error(`${name}: says no licence`);
    const spdx = typeof license === "string" ? license : (license?.type ?? "see below");
    parts.push([`${name} ${version} (${spdx})`, ...texts.map((text) => text.trim())].join("\n\n"));
  }
  const rows = beside.map(({ name, version, license }) => `${name} ${version} (${license})`);
  const ending = [
    "These packages are installed beside this one, each under its own licence, which lies in its folder.",
    NOTICES,
    rows.join("\n"),
  ];
  const rule = `\n\n${"-".repeat(80)}\n\n`;
  const head = "Parts of this package are bundled from the packages below, each under its own licence.";
  await writeFile(file, `${[head, ...parts, ending.join("\n\n")].join(rule)}\n`);
}
