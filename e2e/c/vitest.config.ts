import { mergeConfig } from "vitest/config";
import { base } from "../../vitest.config.js";

/** Tests of target c. `npm run e2e:c` installs their compilers and emulators. */
export default mergeConfig(base, {
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
