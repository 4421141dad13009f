import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * Builds every `dist/` before the tests, because worker threads, the command line and the page run built code. SLM_TEST_BUILT=1 skips this:
 * concurrent test runs must not build in the same repository.
 */
export default function buildBeforeTests() {
  if (process.env.SLM_TEST_BUILT === "1") return;
  const root = join(import.meta.dirname, "..", "..");
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
}
