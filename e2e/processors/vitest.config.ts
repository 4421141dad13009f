import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "..");
const commands = join(root, "..", "apps", "cli", "dist", "commands.js");

/**
 * Numeric tests that `tools/interop/processors.mjs` runs on emulated processors. Compiling TypeScript would take longest there, so packages
 * are loaded from `dist` and only test files are compiled. Tests use threads because the host would start child processes on its own
 * processor.
 */
export default defineConfig({
  test: {
    root,
    include: ["*.test.ts"],
    alias: [
      { find: /^\.\.\/commands\.js$/, replacement: commands },
      {
        find: "@slm/core/testing",
        replacement: join(root, "../packages/core/src/testing/temporary-folder.ts"),
      },
    ],
    server: { deps: { external: [/\/dist\//] } },
    pool: "threads",
    maxWorkers: 1,
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    disableConsoleIntercept: true,
  },
});
