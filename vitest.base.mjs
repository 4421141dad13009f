import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

/** Tests read the packages' sources (condition `@slm/source`), so they need no build. */
export default defineConfig({
  ssr: { resolve: { conditions: ["@slm/source", ...defaultServerConditions] } },
  test: {
    include: ["src/**/*.test.ts"],
    testTimeout: 30_000,
    disableConsoleIntercept: true,
    passWithNoTests: true,
  },
});
