import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Worker threads and the command line run compiled code even under test: brings every `dist/` up to date before the tests start. */
export default function buildBeforeTests() {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const root = join(import.meta.dirname, "..", "..");
  execFileSync(process.execPath, [tsc, "-b", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
}
