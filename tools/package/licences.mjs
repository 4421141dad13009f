/** Writes the licence texts of bundled packages to one file, because they must accompany the code, and lists the licences of dependencies. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./layout.mjs";

const LICENCE_FILE = /^(licence|license|copying|notice)(\b|$)/i;
/** The package of a bundled file: the last `node_modules/NAME` in its path. */
const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * A bundled package, or a package that is installed as a dependency. Old packages have an object as licence.
 *
 * @typedef {{ folder: string, name: string, version: string, license?: string | { type?: string } }} Bundled
 * @typedef {{ folder: string, name: string, version: string, license: string, integrity?: string }} Installed
 */

/** Notices that licences of dependencies require. */
const NOTICES = `libvips and the libraries in it (LGPL-3.0-or-later, in @img/sharp-libvips-* and @img/sharp-win32-*, @img/sharp-wasm32) decode images. sharp
loads them as a separate library that you may replace by your own build: https://github.com/lovell/sharp-libvips has the sources and explains how they
are built. This package does not contain any part of them.`;

/**
 * @param inputs paths of bundled files, from the repository's root
 * @returns folders of their packages, with name, version and licence. @throws Error if a package has no licence
 */
export async function bundledPackages(/** @type {string[]} */ inputs) {
  /** @type {Bundled[]} */
  const found = [];
  const folders = [...new Set(inputs.flatMap((path) => PACKAGE.exec(path)?.[1] ?? []))].sort();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
    if (name === undefined) continue; // A package.json inside a package, such as `dist/esm` with its own type.
    found.push({ folder, name, version, license });
  }
  return found;
}

/**
 * @param bundled from {@link bundledPackages}
 * @param installed packages that are installed as dependencies, with name, version and licence
 */
export async function writeLicences(
  /** @type {readonly Bundled[]} */ bundled,
  /** @type {readonly Installed[]} */ installed,
  /** @type {string} */ file,
) {
  const parts = [];
  for (const { folder, name, version, license } of bundled) {
    const names = (await readdir(join(root, folder))).filter((entry) => LICENCE_FILE.test(entry)).sort();
    const texts = await Promise.all(names.map((entry) => readFile(join(root, folder, entry), "utf8")));
    if (license === undefined && texts.length === 0) throw new Error(`${name}: no licence in package.json`);
    const spdx = typeof license === "string" ? license : (license?.type ?? "see below");
    parts.push([`${name} ${version} (${spdx})`, ...texts.map((text) => text.trim())].join("\n\n"));
  }
  const rows = installed.map(({ name, version, license }) => `${name} ${version} (${license})`);
  const ending = [
    "These packages are installed as dependencies. Each has its own licence, which is in its folder.",
    NOTICES,
    rows.join("\n"),
  ];
  const rule = `\n\n${"-".repeat(80)}\n\n`;
  const head = "This package contains parts of the packages below, each under its own licence.";
  await writeFile(file, `${[head, ...parts, ending.join("\n\n")].join(rule)}\n`);
}
