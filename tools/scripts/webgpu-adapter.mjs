/**
 * Prints the adapter that WebGPU tests will compute with, and ends with an error where there is none.
 *
 *   node tools/scripts/webgpu-adapter.mjs
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const bin = join(import.meta.dirname, "..", "..", "apps", "cli", "bin", "run.js");
const stdout = execFileSync(process.execPath, [bin, "doctor", "--json"], {
  encoding: "utf8",
  stdio: ["ignore", "pipe", "ignore"],
});
const { providers } = JSON.parse(stdout).result;
const { available, reason } = providers.find(
  (/** @type {{ device: string }} */ { device }) => device === "gpu:webgpu",
);
if (available) process.stdout.write(`gpu:webgpu ${reason}\n`);
else {
  process.stderr.write(`no test of WebGPU can run, because gpu:webgpu does not: ${reason}\n`);
  process.exit(1);
}
