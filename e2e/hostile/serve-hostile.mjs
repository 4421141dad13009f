/**
 * What hostile clients of `slm serve` can do to others. Prints one JSON object; exit 3 if a limit was not kept.
 *
 *   npm run build && node e2e/hostile/serve-hostile.mjs [BUNDLE] [--only loop,company,half-open,shutdown,hosts]
 *       [--kinds spaces,...] [--seconds 60] [--grace 60] [--connections 200] [--hostile 50] [--sockets 5000] [--rounds 10] [--clients 100]
 *
 *   loop        worst /health while 8 clients send bodies of a megabyte, or a new schema each time, of every kind
 *   company     right answers, statuses, p99, memory and shares of the CPUs of `connections` good clients for `seconds`, alone and together
 *               with `hostile` ones; times mean nothing while other programs use the CPUs
 *   half-open   /health while `sockets` connections send nothing or half of their headers to a server with 1,024 descriptors
 *   shutdown    time from SIGTERM to the end among clients of every kind, and resets of `clients` keep-alive clients in `rounds` rounds
 *   hosts       names in `Host` that are answered on a loopback address
 *
 * SLM_BIN=FILE attacks `apps/cli/bin/run.js` of another build, such as one of an earlier commit.
 *
 * A request that has no answer `grace` seconds after its part is given up. Without BUNDLE a model with random weights and a byte-level BPE vocabulary is made. All clients are processes of this machine: on one of
 * two cores they take their share of them, and the times that are printed are those of a server that shares its machine.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeByteLevelBundle } from "./serving/byte-level-bundle.mjs";
import { BODIES } from "./serving/hostile-kinds.mjs";
import { company, eventLoop, halfOpen, hosts, shutdown } from "./serving/parts.mjs";

/**
 * Settings of all parts, and a part: what it measured, and which limits were kept.
 *
 * @typedef {{ seconds: number, grace: number, connections: number, hostile: number, sockets: number, rounds: number, clients: number, kinds: string[] }} PartOptions
 * @typedef {(bundle: string, options: PartOptions) => Promise<{ result: object, pass: Record<string, boolean> }>} Part
 */

/** @type {Readonly<Record<string, Part>>} */
const PARTS = {
  loop: (bundle, { seconds, ...more }) => eventLoop(bundle, { ...more, seconds: Math.min(5, seconds) }),
  company,
  "half-open": (bundle, { sockets, seconds }) =>
    halfOpen(bundle, { sockets, seconds: Math.min(10, seconds) }),
  shutdown,
  hosts,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: Object.keys(PARTS).join(",") },
    kinds: { type: "string", default: Object.keys(BODIES).join(",") },
    seconds: { type: "string", default: "60" },
    grace: { type: "string", default: "60" },
    connections: { type: "string", default: "200" },
    hostile: { type: "string", default: "50" },
    sockets: { type: "string", default: "5000" },
    rounds: { type: "string", default: "10" },
    clients: { type: "string", default: "100" },
  },
});
const { only, kinds: listed, ...texts } = values;
const names = only.split(",");
const kinds = listed.split(",");
const numbers = {
  seconds: Number(texts.seconds),
  grace: Number(texts.grace),
  connections: Number(texts.connections),
  hostile: Number(texts.hostile),
  sockets: Number(texts.sockets),
  rounds: Number(texts.rounds),
  clients: Number(texts.clients),
};
const isKnown = names.every((name) => name in PARTS) && kinds.every((kind) => kind in BODIES);
if (!isKnown || Object.values(numbers).some((value) => !(value > 0))) {
  process.stderr.write(
    `usage: node e2e/hostile/serve-hostile.mjs [BUNDLE] [--only ${Object.keys(PARTS).join(",")}] [--seconds N] ...\n`,
  );
  process.exit(2);
}

const work = await mkdtemp(join(tmpdir(), "slm-serve-hostile-"));
const bundle = positionals[0] ?? (await makeByteLevelBundle(work));
/** @type {Record<string, object>} */
const report = {};
/** @type {Record<string, Record<string, boolean>>} */
const pass = {};
for (const name of names) {
  process.stderr.write(`${name} ...\n`);
  const part = await PARTS[name]?.(bundle, { ...numbers, kinds });
  if (part === undefined) continue;
  report[name] = part.result;
  pass[name] = part.pass;
}
await rm(work, { recursive: true, force: true });
const machine = {
  cpu: cpus()[0]?.model,
  cores: availableParallelism(),
  node: process.version,
  loadAverage: loadavg()[0],
};
process.stdout.write(`${JSON.stringify({ machine, options: numbers, ...report, pass }, null, 2)}\n`);
process.exitCode = Object.values(pass).every((part) => Object.values(part).every(Boolean)) ? 0 : 3;
