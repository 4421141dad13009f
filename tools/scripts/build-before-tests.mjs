import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * Worker threads, the command line and the page run built code even under test: brings every `dist/` up to date before the tests start.
 * SLM_TEST_BUILT=1 says that it is: runs beside each other must not build in one tree.
 */
export default function buildBeforeTests() {
  if (process.env.SLM_TEST_BUILT === "1") return;
  const root = join(import.meta.dirname, "..", "..");
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
}
