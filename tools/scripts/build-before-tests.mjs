import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * Builds every `dist/`, once for all vitest projects of a run. SLM_TEST_BUILT=1 skips this: concurrent test runs must not build in the same
 * repository.
 */
export default function buildBeforeTests() {
  if (process.env.SLM_TEST_BUILT === "1") return;
  const root = join(import.meta.dirname, "..", "..");
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
  process.env.SLM_TEST_BUILT = "1";
}
