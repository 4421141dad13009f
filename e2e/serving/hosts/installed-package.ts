/** The npm package that every host imports. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { slm } from "../../slm-process.js";

/** Name of the package. */
export const PACKAGE = "sounds";

/**
 * Answers of a host.
 *
 * @param folder has the package in `node_modules`; the host's own files are written to it
 */
export type AnswersIn = (folder: string, words: readonly string[]) => Promise<readonly string[]>;

/** Packs a bundle, and installs the package in a folder as npm does: it has no dependencies. */
export async function installPackage(bundle: string, folder: string): Promise<void> {
  const tarball = join(folder, "package.tgz");
  await slm("deploy", bundle, "--to", "npm", "--name", PACKAGE, "--engine", "wasm", "-o", tarball);
  const installed = join(folder, "node_modules", PACKAGE);
  await mkdir(installed, { recursive: true });
  await execa("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
}

/** Names of the model's files in the installed package. */
export const modelFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(join(folder, "node_modules", PACKAGE, "model"))).sort();
