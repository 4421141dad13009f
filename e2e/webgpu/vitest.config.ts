import { mergeConfig } from "vitest/config";
import { base } from "../../vitest.config.js";

/** Tests on WebGPU. `npm run e2e:webgpu` finds an adapter for them. */
export default mergeConfig(base, {
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
