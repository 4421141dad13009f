/**
 * What verifying inputs costs: for each stage of a finished run, the bytes of the artifacts that it reads, the time to hash them, the time to
 * find that they are known, and the share of the stage's own time.
 *
 *   node tools/bench/integrity-cost.mjs RUN     # after `slm run RECIPE --out RUN` from nothing: a stage's time is that between two manifests
 *
 * Needs a build (npm run build).
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readManifest, requireIntact } from "@slm/core";

const [run] = process.argv.slice(2);
if (run === undefined) {
  console.error("usage: node tools/bench/integrity-cost.mjs RUN");
  process.exit(2);
}

const manifests = [];
for (const name of readdirSync(run))
  if (!name.includes(".")) manifests.push({ name, ...(await readManifest(join(run, name))) });
const ended = new Map(manifests.map(({ name, createdAt }) => [name, Date.parse(createdAt)]));
const bytesOf = ({ outputs }) => outputs.reduce((sum, { bytes }) => sum + bytes, 0);

/** CPU time of verifying artifacts [ms]. */
async function cost(names) {
  const before = process.cpuUsage();
  for (const name of names) await requireIntact(join(run, name));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

console.log("stage        inputs [MB]  hashed [CPU ms]  known [CPU ms]  stage [s]   share");
const total = { ms: 0, seconds: 0 };
let previous;
for (const { name, kind, inputs } of manifests.sort((a, b) => ended.get(a.name) - ended.get(b.name))) {
  // A bundle's time is the same for all runs.
  if (kind === "bundle") continue;
  const read = inputs.map((input) => input.name).filter((input) => ended.has(input));
  const seconds = previous === undefined ? Number.NaN : (ended.get(name) - previous) / 1000;
  previous = ended.get(name);
  const [first, again] = [await cost(read), await cost(read)];
  const bytes = manifests
    .filter((one) => read.includes(one.name))
    .reduce((sum, one) => sum + bytesOf(one), 0);
  const share = (100 * first) / 1000 / seconds;
  if (Number.isFinite(share)) {
    total.ms += first;
    total.seconds += seconds;
  }
  const cells = [
    (bytes / 1e6).toFixed(1).padStart(11),
    first.toFixed(1).padStart(16),
    again.toFixed(1).padStart(15),
  ];
  console.log(
    name.padEnd(12),
    ...cells,
    seconds.toFixed(2).padStart(10),
    `${share.toFixed(2)} %`.padStart(9),
  );
}
console.log(
  `all: ${total.ms.toFixed(0)} ms of ${total.seconds.toFixed(0)} s, ${(total.ms / 10 / total.seconds).toFixed(3)} %`,
);
