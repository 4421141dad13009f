import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** The worker thread runs compiled code even under test: brings `dist/` up to date before the tests start. */
export default function buildWorker() {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const here = fileURLToPath(new URL(".", import.meta.url));
  execFileSync(process.execPath, [tsc, "-b", "tsconfig.build.json"], { cwd: here, stdio: "inherit" });
}
