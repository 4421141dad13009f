import { mergeConfig } from "vitest/config";
import { defaultServerConditions } from "vite";
import { base } from "../../vitest.config.js";

// The client of S3 has bundlers' modules under the condition `module`, which Node.js itself cannot load.
const conditions = ["@slm/source", ...defaultServerConditions.filter((condition) => condition !== "module")];

/** Tests with workers in processes of their own and a Redis; `npm run e2e:workers` brings what they need. */
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
