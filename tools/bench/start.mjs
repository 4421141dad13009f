/**
 * Measures how long commands of the packed product take from the start of their process, next to an empty program.
 *
 *   npm run package && node tools/bench/start.mjs BUNDLE [key=value ...]
 *
 * Keys: rounds=20, prompt=hello. In each round, every command runs once. Prints the shortest and the median time, and on Linux the mean CPU
 * time of all threads [ms], also as a multiple of that of the empty program: a busy machine changes this ratio least.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "../lib/markdown.mjs";
import { settingsOf } from "../lib/settings.mjs";

const PRODUCT = join(import.meta.dirname, "../../dist-package/bin/run.js");
/** Clock ticks of `/proc` in a second, on all Linux systems. */
const TICKS = 100;

const [bundle, ...given] = process.argv.slice(2);
if (bundle === undefined) throw new Error("usage: start.mjs BUNDLE [key=value ...]");
const { rounds, prompt } = settingsOf({ rounds: 20, prompt: "hello" }, given);
const commands = {
  "node -e 0": ["-e", "0"],
  "slm --version": [PRODUCT, "--version"],
  "slm generate": [PRODUCT, "generate", bundle, "--prompt", prompt],
  "slm try g2p": [PRODUCT, "try", "g2p", prompt],
};
const measured = Object.entries(commands).map(([name, argv]) => ({
  name,
  argv,
  cpu: 0,
  times: /** @type {number[]} */ ([]),
}));

/** CPU time of the child processes that have ended [ms]; 0 where there is no `/proc`. */
function childrenCpu() {
  if (!existsSync("/proc/self/stat")) return 0;
  const fields = readFileSync("/proc/self/stat", "utf8").split(" ");
  return ((Number(fields[15]) + Number(fields[16])) * 1000) / TICKS;
}

for (let round = 0; round < rounds; round++)
  for (const command of measured) {
    const cpu = childrenCpu();
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, command.argv, { encoding: "utf8" });
    command.times.push(performance.now() - start);
    command.cpu += childrenCpu() - cpu;
    if (status !== 0) throw new Error(`${command.name} ended with ${status}: ${stderr}`);
  }
const empty = measured[0]?.cpu ?? 0;
const rows = measured.map(({ name, times, cpu }) => {
  const sorted = times.toSorted((a, b) => a - b);
  const figures = [sorted[0], sorted[Math.floor(rounds / 2)], cpu / rounds];
  return [name, ...figures.map((figure) => Math.round(figure ?? 0)), (cpu / empty).toFixed(1)];
});
console.log(table(["command", "shortest", "median", "CPU", "times the empty one"], rows));
