/** Asks the programs that made the files, in a Python environment of their own. */
import { execa } from "execa";
import { join } from "node:path";
import { pythonWith, requirementsIn } from "../lib/python.mjs";

const SCRIPT = new URL("programs.py", import.meta.url).pathname;
const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;

/** The interpreter with these programs. */
export const pythonOf = (/** @type {string} */ cache) =>
  pythonWith(join(cache, "venv"), requirementsIn(REQUIREMENTS));

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
