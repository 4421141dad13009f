/** The Nx targets of packages, apps, `configs` and `e2e`, inferred from their files. They run the programs that `npm test` runs. */

/** The tests of each target: their file names, and their projects in `vitest.config.ts`. */
const TESTS = {
  test: { named: /(?<!\.slow|\.nightly)\.test\.ts$/, projects: "--project fast --project built" },
  "test-slow": { named: /\.slow\.test\.ts$/, projects: "--project slow" },
};

/** A change of these files affects every project. */
const SHARED = ["vitest.config.ts", "tsconfig.base.json", "tools/scripts/build-before-tests.mjs"];
const inputs = ["default", "^default", ...SHARED.map((file) => `{workspaceRoot}/${file}`)];

/** Not parallel: a test run uses all cores, and two builds must not write the same `dist/` at once. */
const alone = (/** @type {string} */ command) => ({ command, parallelism: false, inputs });

/** The targets of the project in folder `root`, which has these files. */
function targetsOf(/** @type {string} */ root, /** @type {readonly string[]} */ files) {
  /** @type {Record<string, import("nx/src/devkit-exports").TargetConfiguration>} */
  const targets = { lint: { command: `oxlint --type-aware ${root}` } };
  // Also builds the packages that this one imports.
  const build = [`node node_modules/typescript-7/bin/tsc -b ${root}/tsconfig.build.json`];
  if (files.includes(`${root}/build.mjs`)) build.push(`node ${root}/build.mjs`);
  if (files.includes(`${root}/tsconfig.build.json`)) targets.build = alone(build.join(" && "));
  for (const [target, { named, projects }] of Object.entries(TESTS))
    if (files.some((file) => named.test(file))) targets[target] = alone(`vitest run ${projects} ${root}/`);
  return targets;
}

/** @type {import("nx/src/devkit-exports").CreateNodes} */
export const createNodes = [
  "{{packages,apps}/*/{tsconfig.build.json,build.mjs,src/**/*.test.ts},configs/**/*.test.ts,e2e/*.test.ts}",
  (files) => {
    /** @type {Map<string, string[]>} */
    const projects = new Map();
    for (const file of files) {
      const [root = ""] = /^(?:(?:packages|apps)\/[^/]+|[^/]+)/.exec(file) ?? [];
      projects.set(root, [...(projects.get(root) ?? []), file]);
    }
    return [...projects].map(([root, own]) => [
      own[0] ?? root,
      { projects: { [root]: { targets: targetsOf(root, own) } } },
    ]);
  },
];
