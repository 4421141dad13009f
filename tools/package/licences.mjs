/** The licences of what was bundled, in one file: their texts must travel with the code. */
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./layout.mjs";

const LICENCE_FILE = /^(licence|license|copying|notice)(\b|$)/i;
/** The package a bundled file belongs to: the last `node_modules/NAME` of its path. */
const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * @param inputs paths of bundled files, from the repository's root
 * @returns how many packages the file names. @throws Error for a package that says no licence
 */
export async function writeLicences(inputs, file) {
  const folders = [...new Set(inputs.flatMap((path) => PACKAGE.exec(path)?.[1] ?? []))].sort();
  const parts = [];
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
    if (name === undefined) continue; // A folder of a package, such as `dist/esm` with a type of its own.
    const names = (await readdir(join(root, folder))).filter((entry) => LICENCE_FILE.test(entry)).sort();
    const texts = await Promise.all(names.map((entry) => readFile(join(root, folder, entry), "utf8")));
    if (license === undefined && texts.length === 0) throw new Error(`${name}: says no licence`);
    const spdx = typeof license === "string" ? license : (license?.type ?? "see below");
    parts.push([`${name} ${version} (${spdx})`, ...texts.map((text) => text.trim())].join("\n\n"));
  }
  const rule = `\n\n${"-".repeat(80)}\n\n`;
  const head = "Parts of this package are bundled from the packages below, each under its own licence.";
  await writeFile(file, `${[head, ...parts].join(rule)}\n`);
  return parts.length;
}
