import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defaultServerConditions } from "vite";
import { configDefaults, defineConfig, mergeConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The slow files that take longest, in this order. They start first: started last, one of them would run on while the other cores idle. */
const LONGEST = ["pipeline", "export-targets", "cli"];

/** The longest files first, then the other end-to-end tests, then the rest, larger files first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      if (!moduleId.includes("/e2e/")) return LONGEST.length + 1;
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.slow.test.ts`));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Where tests are. The folders of `e2e` have a configuration of their own, because they need other programs. */
const FOLDERS = ["packages/*/src/**", "apps/*/src/**", "configs/**", "e2e", "tools/**"];
const filesNamed = (pattern: string): string[] => FOLDERS.map((folder) => `${folder}/${pattern}`);

/** Builds every `dist/` once before a run that has such tests: worker threads, child processes and the page run built code. */
const BUILT = { globalSetup: [join(import.meta.dirname, "tools", "scripts", "build-before-tests.mjs")] };

/** What all test runs share. Tests read the packages' sources (condition `@slm/source`). */
const shared = defineConfig({
  ssr: { resolve: { conditions: ["@slm/source", ...defaultServerConditions] } },
  test: {
    sequence: { sequencer: LongestFirst },
    // Files share a process and its loaded modules. Loading them again for each file took half of the time of all tests.
    isolate: false,
    // No test depends on the plug-ins of whoever runs it; `npm run e2e:npu` names its own.
    env: { SLM_PLUGINS: process.env.SLM_TEST_PLUGINS ?? join(import.meta.dirname, ".no-plug-ins") },
    // Spies and variables of the environment end with the test that set them.
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    // vitest leaves one core free by default.
    maxWorkers: availableParallelism(),
    // No test is a benchmark: a busy machine must not fail one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 120_000, interval: 20 } },
    disableConsoleIntercept: true,
  },
});

/** The configurations in the folders of `e2e` extend this one. */
export const base = mergeConfig(shared, defineConfig({ test: BUILT }));

/** Tests that train and start processes take minutes while other programs run. */
const PATIENT = { testTimeout: 600_000, hookTimeout: 600_000 };

/**
 * Four classes of tests, by file name:
 * - `*.test.ts`: under 2 s a file, from sources alone, no training (`npm test`);
 * - `*.built.test.ts`: the same, of code that runs from `dist/` (`npm test`);
 * - `*.slow.test.ts`: everything else that guards a change (`npm run test:slow`, part of `.ci/run`);
 * - `*.nightly.test.ts`: attacks, faults and whole pipelines many times over (`npm run test:nightly`; `.ci/run` runs a sixth).
 */
const CLASSES = [
  {
    name: "fast",
    include: filesNamed("*.test.ts"),
    exclude: [...configDefaults.exclude, "**/*.{built,slow,nightly}.test.ts"],
  },
  { name: "built", include: filesNamed("*.built.test.ts"), ...BUILT },
  { name: "slow", include: filesNamed("*.slow.test.ts"), ...BUILT, ...PATIENT },
  { name: "nightly", include: filesNamed("*.nightly.test.ts"), ...BUILT, ...PATIENT },
];

export default defineConfig({
  ...shared,
  test: { ...shared.test, projects: CLASSES.map((test) => ({ extends: true, test })) },
});
