import { mergeConfig } from "vitest/config";
import { base } from "../../vitest.config.js";

/** Tests with worker processes and a Redis. `npm run e2e:workers` installs what they need. */
export default mergeConfig(base, {
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
