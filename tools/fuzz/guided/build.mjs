/** Bundles targets with the code that they call, and instruments it. Libraries are not instrumented. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { createInstrumenter } from "istanbul-lib-instrument";
import { COVERAGE_VARIABLE } from "./coverage.mjs";

const root = join(import.meta.dirname, "..", "..", "..");
/** Below `node_modules`, so that bundles find the libraries. */
const output = join(root, "node_modules", ".cache", "slm-fuzz");

/** Our packages are bundled from their sources; all other names stay imports. */
/** @type {import("esbuild").Plugin} */
const ownPackages = {
  name: "own-packages",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path.startsWith("@slm/") || path.startsWith("#")
        ? undefined
        : { path, external: true },
    );
  },
};

/** Short texts in the code that reads a format: keys, operators and magic numbers of the format are among them. */
const wordsIn = (/** @type {string} */ code) => [
  ...new Set(Array.from(code.matchAll(/"([^"\\\s]{2,24})"/gu), ([, word = ""]) => word)),
];

/** @returns the instrumented bundle of each target, and the words of its format, by name */
export async function buildTargets(/** @type {string[]} */ names) {
  const folder = join(output, String(process.pid));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  /** @type {Map<string, { file: string, words: string[] }>} */
  const built = new Map();
  for (const name of names) {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, "targets", `${name}.mjs`)],
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20",
      conditions: ["@slm/source"],
      plugins: [ownPackages],
      logLevel: "error",
    });
    const file = join(folder, `${name}.mjs`);
    const instrumenter = createInstrumenter({ esModules: true, coverageVariable: COVERAGE_VARIABLE });
    const code = outputFiles[0]?.text ?? "";
    await writeFile(file, instrumenter.instrumentSync(code, file));
    built.set(name, { file, words: wordsIn(code) });
  }
  return built;
}

/** Removes the files that this process has built. */
export const removeBuilt = () => rm(join(output, String(process.pid)), { recursive: true, force: true });

/** Seeds of a target in the repository: one base64 input per line. */
export const seedFile = (/** @type {string} */ name) =>
  join(import.meta.dirname, "..", "seeds", `${name}.txt`);

export async function keptSeeds(/** @type {string} */ name) {
  const text = await readFile(seedFile(name), "utf8").catch((/** @type {unknown} */ error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Buffer.from(line, "base64"));
}
