/**
 * What is left of a model that is gone: loads one, lets it say a token and closes it, a thousand times over, and prints how far the
 * process's memory grew behind the first hundred. Ends with 1 if it grew by 50 MB or more.
 *
 *   npm run build && node tools/bench/load-unload.mjs MODEL_DIR [cycles=1000] [prompt=TEXT] [keepRuntime=0]
 *
 * keepRuntime=1 keeps the worker and loads only graphs anew, as a server does that reloads a bundle.
 */
import { openModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";

const LIMIT_BYTES = 50e6;
/** Cycles before the first measurement: allocators and compiled code settle. */
const SETTLING = 0.1;

const [directory, ...rest] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: load-unload.mjs MODEL_DIR [key=value ...]");
const options = {
  cycles: "1000",
  prompt: "a",
  keepRuntime: "0",
  ...Object.fromEntries(rest.map((text) => text.split("="))),
};
const cycles = Number(options.cycles);
const kept = options.keepRuntime === "1" ? await createCpuRuntime({ threads: 1 }) : undefined;

async function cycle() {
  const runtime = kept ?? (await createCpuRuntime({ threads: 1 }));
  const generator = await openModel(directory, runtime);
  await generator.generate([options.prompt], { maxTokens: 1 });
  await generator.close();
  if (kept === undefined) await runtime.close();
}

/** Resident memory [bytes]; collected first where node runs with --expose-gc. */
function memory() {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

const curve = [];
let settled = 0;
for (let at = 1; at <= cycles; at += 1) {
  await cycle();
  if (at === Math.ceil(cycles * SETTLING)) settled = memory();
  if (at % Math.ceil(cycles / 10) === 0)
    curve.push({ cycles: at, megabytes: Math.round(memory() / 1e5) / 10 });
}
const grownBytes = memory() - settled;
await kept?.close();
console.log(
  JSON.stringify({
    cycles,
    grownBytes,
    bytesPerCycle: Math.round(grownBytes / (cycles * (1 - SETTLING))),
    limitBytes: LIMIT_BYTES,
    curve,
  }),
);
if (grownBytes >= LIMIT_BYTES) process.exitCode = 1;
