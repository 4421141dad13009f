/** Python virtual environments outside the repository. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "./user-cache.mjs";

const INSTALLER = join(import.meta.dirname, "../scripts/lib/install-missing.sh");
/** Installs Debian's packages of Python and venv where they are missing. */
const INSTALL_PYTHON =
  '. "$0"; python3 -c "import ensurepip, venv" 2> /dev/null || { install_missing python3 && install_packages python3-venv; }';

/** The packages of a requirements.txt, with their versions. */
export const requirementsIn = (/** @type {string} */ file) =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes("=="));

/**
 * The interpreter of an environment with these packages. The environment is made if it is missing or has other packages.
 *
 * @param folder of the environment
 * @param packages in pip's format: torch==2.8.0
 * @param env variables for their build
 */
export function pythonWith(
  /** @type {string} */ folder,
  /** @type {readonly string[]} */ packages,
  /** @type {Record<string, string>} */ env = {},
) {
  const python = join(folder, "bin/python");
  const installed = join(folder, "packages.txt");
  const wanted = packages.join("\n");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return python;
  mkdirSync(dirname(folder), { recursive: true });
  if (!existsSync(installed)) {
    run("bash", ["-ec", INSTALL_PYTHON, INSTALLER]);
    run("python3", ["-m", "venv", "--clear", folder]);
  }
  run(python, ["-m", "pip", "install", "--quiet", ...packages], { env, stdout: process.stderr.fd });
  writeFileSync(installed, wanted);
  return python;
}
