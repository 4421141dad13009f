import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "..");
const commands = join(root, "..", "apps", "cli", "dist", "commands.js");

/**
 * Numeric tests as `tools/interop/processors.mjs` runs them on emulated processors. There compiling TypeScript is what
 * takes longest, so the packages are read as built (`dist`), the test files alone are compiled. Threads and not child
 * processes: a child's program would be started by the host, on the host's processor.
 */
export default defineConfig({
  test: {
    root,
    include: ["*.test.ts", "processors/*.test.ts"],
    alias: [{ find: /^\.\.\/commands\.js$/, replacement: commands }],
    server: { deps: { external: [/\/dist\//] } },
    pool: "threads",
    maxWorkers: 1,
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    disableConsoleIntercept: true,
  },
});
