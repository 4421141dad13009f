/**
 * How far the plan of a run is from the run: every stage's estimate, its time, and the ratio. Exit 3 if a stage is more than a factor of `--within` off.
 *
 *   npm run build && node tools/bench/estimates.mjs RECIPE [--within 2] [-- flags of slm run, such as --set distill.steps=400]
 *
 * Data and tokenizer are made first: a plan of rows that have no tokens yet assumes the longest. Times of a busy machine mean nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const separator = process.argv.indexOf("--");
const own = process.argv.slice(2, separator === -1 ? undefined : separator);
const flags = separator === -1 ? [] : process.argv.slice(separator + 1);
const { positionals, values } = parseArgs({
  args: own,
  allowPositionals: true,
  options: { within: { type: "string", default: "2" } },
});
const [recipe] = positionals;
if (recipe === undefined) {
  process.stderr.write("usage: node tools/bench/estimates.mjs RECIPE [--within 2] [-- flags of slm run]\n");
  process.exit(2);
}
const bin = join(import.meta.dirname, "..", "..", "apps", "cli", "bin", "run.js");
const out = mkdtempSync(join(tmpdir(), "slm-estimates-"));

/** Stages of a call of slm run. */
function stagesOf(...more) {
  const argv = [bin, "run", recipe, "--out", out, "--json", ...flags, ...more];
  const { status, stdout } = spawnSync(process.execPath, argv, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`slm run ${more.join(" ")} ended with ${status}`);
  return JSON.parse(stdout).result.stages;
}

try {
  const load = loadavg()[0];
  const planned = new Map(stagesOf("--dry-run").map(({ name, estimate }) => [name, estimate.seconds]));
  const limit = Number(values.within);
  let isWithin = true;
  console.log(`load average before: ${load.toFixed(2)}\n`);
  console.log("| stage | plan [s] | run [s] | run to plan |\n| --- | ---: | ---: | ---: |");
  for (const { name, seconds } of stagesOf()) {
    const plan = planned.get(name);
    const ratio = plan === undefined ? undefined : seconds / plan;
    isWithin &&= ratio === undefined || (ratio <= limit && ratio >= 1 / limit);
    const shown = [plan?.toFixed(2) ?? "none", seconds.toFixed(2), ratio?.toFixed(2) ?? ""];
    console.log(`| ${[name, ...shown].join(" | ")} |`);
  }
  process.exitCode = isWithin ? 0 : 3;
} finally {
  rmSync(out, { recursive: true, force: true });
}
