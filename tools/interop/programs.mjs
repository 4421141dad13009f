/** Asks the programs that made the files, in a Python environment of their own. */
import { execa } from "execa";
import { existsSync } from "node:fs";
import { join } from "node:path";

const SCRIPT = new URL("programs.py", import.meta.url).pathname;
const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;

/** Makes the environment where it is missing. */
export async function preparePrograms(/** @type {string} */ cache) {
  const python = pythonOf(cache);
  if (!existsSync(python)) await execa("python3", ["-m", "venv", join(cache, "venv")], { stderr: "inherit" });
  const listed = await execa(python, ["-m", "pip", "freeze", "--disable-pip-version-check"]);
  const { readFile } = await import("node:fs/promises");
  const needed = (await readFile(REQUIREMENTS, "utf8")).split("\n").filter((line) => line.includes("=="));
  if (needed.every((line) => listed.stdout.split("\n").includes(line))) return;
  await execa(python, ["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS], {
    stdout: process.stderr,
    stderr: process.stderr,
  });
}

export function pythonOf(/** @type {string} */ cache) {
  return join(cache, "venv", "bin", "python");
}

/** The answer of reference implementations.py to a task: JSON in, JSON out. @throws with its last words if it fails */
/** @returns {Promise<ReturnType<typeof JSON.parse>>} */
export async function reference(
  /** @type {string} */ cache,
  /** @type {string} */ task,
  /** @type {object} */ request,
) {
  const { stdout } = await execa(pythonOf(cache), [SCRIPT, task], {
    input: JSON.stringify(request),
    env: { OMP_NUM_THREADS: "1", TOKENIZERS_PARALLELISM: "false", RAYON_NUM_THREADS: "1" },
    maxBuffer: 2 ** 30,
  });
  return JSON.parse(stdout);
}
