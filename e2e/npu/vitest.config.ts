import { mergeConfig } from "vitest/config";
import { base } from "../../vitest.config.js";

/** Tests with Qualcomm's compiler and simulator; `npm run e2e:npu` obtains them. */
export default mergeConfig(base, {
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
