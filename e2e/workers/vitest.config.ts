import { mergeConfig } from "vitest/config";
import { defaultServerConditions } from "vite";
import { base } from "../../vitest.config.js";

// The S3 client has bundler modules under the condition `module`, which Node.js cannot load.
const conditions = ["@slm/source", ...defaultServerConditions.filter((condition) => condition !== "module")];

/** Tests with worker processes and a Redis. `npm run e2e:workers` installs what they need. */
export default mergeConfig(
  { ...base, ssr: { resolve: { conditions } } },
  {
    test: {
      root: import.meta.dirname,
      include: ["*.test.ts"],
      testTimeout: 300_000,
      hookTimeout: 120_000,
    },
  },
);
