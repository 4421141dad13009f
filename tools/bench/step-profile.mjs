/**
 * One decoder step by operator, and what of it is no operator: onnxruntime-node copies every output for JavaScript, and with it whole
 * caches where a graph hands them back so (docs/decisions/0003-in-place-updates.md).
 *
 *   npm run build && node tools/bench/step-profile.mjs MODEL [key=value ...]
 *
 * Keys: past=512 (positions in the cache)  capacity=576 (positions it has room for)  source=512 (tokens of the source, where there is
 * an encoder)  batch=1  steps=20  threads=2. MODEL is an export for target cpu. Caches and sources hold made-up numbers. Prints the medians over
 * the steps after the first fifth [ms]: of the whole call, and of each kind of operator as ONNX Runtime's own profile has it.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ort from "onnxruntime-node";

const [model, ...settings] = process.argv.slice(2);
const options = { past: 512, capacity: 576, source: 512, batch: 1, steps: 20, threads: 2 };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
if (model === undefined) throw new Error("usage: step-profile.mjs MODEL [key=value ...]");

const work = await mkdtemp(join(tmpdir(), "slm-step-profile-"));
const { graphs, caches } = JSON.parse(await readFile(join(model, "model.json"), "utf8"));
const session = await ort.InferenceSession.create(join(model, graphs.decoder.file), {
  intraOpNumThreads: options.threads,
  enableProfiling: true,
  profileFilePrefix: join(work, "profile"),
});

/** Sizes of the axes that have a name. */
const AXES = { batch: options.batch, target: 1, source: options.source, capacity: options.capacity };

function tensorOf({ name, type, shape }) {
  const dims = shape.map((axis) => (typeof axis === "number" ? axis : AXES[axis]));
  if (dims.includes(undefined)) throw new Error(`${name}: unknown axis in [${shape.join(", ")}]`);
  const count = dims.reduce((product, size) => product * size, 1);
  if (type === "float32") return new ort.Tensor(type, new Float32Array(count).fill(0.01), dims);
  // Token 5, and the number of positions that are in the cache.
  return new ort.Tensor(type, new Int32Array(count).fill(name === "past_length" ? options.past : 5), dims);
}

const feeds = Object.fromEntries(session.inputMetadata.map((input) => [input.name, tensorOf(input)]));
const isReplaced = caches !== "appended";
const fetches = Object.fromEntries(
  session.outputNames.map((name) => [
    name,
    (isReplaced ? feeds[name.replace("present", "past")] : undefined) ?? null,
  ]),
);
const cacheBytes = Object.entries(feeds).reduce(
  (sum, [name, { data }]) => sum + (name.startsWith("past.") ? data.byteLength : 0),
  0,
);

const calls = [];
for (let step = 0; step < options.steps; step++) {
  const begin = performance.now();
  await session.run(feeds, fetches);
  calls.push(performance.now() - begin);
}
session.endProfiling();

const [file] = await readdir(work);
const events = JSON.parse(await readFile(join(work, file), "utf8"));
await rm(work, { recursive: true });

// A run's event comes after those of its nodes.
const runs = [];
let nodes = new Map();
for (const { cat, name, dur, args } of events) {
  if (cat === "Node" && name.endsWith("_kernel_time"))
    nodes.set(args.op_name, (nodes.get(args.op_name) ?? 0) + dur / 1000);
  else if (cat === "Session" && name === "model_run") {
    runs.push(nodes);
    nodes = new Map();
  }
}
if (runs.length !== options.steps) throw new Error(`${runs.length} runs in the profile of ${options.steps}`);

const warm = Math.floor(options.steps / 5);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const measured = runs.slice(warm);
const names = [...new Set(measured.flatMap((run) => [...run.keys()]))];
const byOperator = names
  .map((name) => [name, median(measured.map((run) => run.get(name) ?? 0))])
  .toSorted(([, a], [, b]) => b - a);
const operators = median(measured.map((run) => [...run.values()].reduce((sum, time) => sum + time, 0)));
const call = median(calls.slice(warm));

console.log(
  JSON.stringify({
    ...options,
    caches,
    cacheBytes,
    call,
    operators,
    byOperator: Object.fromEntries(byOperator),
  }),
);
console.log(
  `call ${call.toFixed(2)} ms, operators ${operators.toFixed(2)} ms, beside them ${(call - operators).toFixed(2)} ms`,
);
for (const [name, time] of byOperator.slice(0, 8)) console.log(`${time.toFixed(2).padStart(8)} ms  ${name}`);
