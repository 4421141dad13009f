import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defaultServerConditions } from "vite";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest, in this order: begun last, one of them would run on while the other cores have nothing left. */
const LONGEST = ["pipeline", "export-targets", "draft-decoding", "cli"];

/** The longest files first, then the other end-to-end ones, then the rest, larger files first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      if (!moduleId.includes("/e2e/")) return LONGEST.length + 1;
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Tests that repeat an attack or a pipeline many times: `npm run test:long`, a part of `.ci/run` and not of `npm test`. */
export const LONG_TESTS = "**/*.long.test.ts";

/**
 * All tests but the long ones, in one pool of processes: those beside the packages' code and those in `e2e`, which join packages that
 * may not import one another. They read the packages' sources (condition `@slm/source`).
 */
export default defineConfig({
  ssr: { resolve: { conditions: ["@slm/source", ...defaultServerConditions] } },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "apps/*/src/**/*.test.ts",
      "configs/**/*.test.ts",
      "e2e/*.test.ts",
    ],
    exclude: [...configDefaults.exclude, LONG_TESTS],
    globalSetup: [join(import.meta.dirname, "tools", "scripts", "build-before-tests.mjs")],
    sequence: { sequencer: LongestFirst },
    // Files share a process and the modules it has loaded: loading them anew for each took half of the time of all tests.
    isolate: false,
    // No test depends on the plug-ins of whoever runs it; `npm run e2e:npu` names its own.
    env: { SLM_PLUGINS: process.env.SLM_TEST_PLUGINS ?? join(import.meta.dirname, ".no-plug-ins") },
    // Spies and variables of the environment end with the test that set them.
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    // vitest leaves one core free by itself.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    disableConsoleIntercept: true,
  },
});
