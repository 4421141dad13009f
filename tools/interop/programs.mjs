/** Runs the reference programs in a separate Python environment. */
import { execa } from "execa";
import { join } from "node:path";
import { pythonWith, requirementsIn } from "../lib/python.mjs";

const SCRIPT = new URL("programs.py", import.meta.url).pathname;
const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;

/** The Python interpreter with these programs. */
export const pythonOf = (/** @type {string} */ cache) =>
  pythonWith(join(cache, "venv"), requirementsIn(REQUIREMENTS));

/** Runs a task of programs.py: JSON in, JSON out. @throws Error with the end of its output if it fails */
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
