import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * Worker threads, the command line and the page run built code even under test: brings every `dist/` up to date before the tests start.
 * SLM_TEST_BUILT=1 says that it is: runs beside each other must not build in one tree.
 */
export default function buildBeforeTests() {
  if (process.env.SLM_TEST_BUILT === "1") return;
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const root = join(import.meta.dirname, "..", "..");
  for (const argv of [[tsc, "-b", "tsconfig.build.json"], [join("apps", "web", "build.mjs")]])
    execFileSync(process.execPath, argv, { cwd: root, stdio: "inherit" });
}
