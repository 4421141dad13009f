/**
 * One decoder step by operator, and what of it is no operator: onnxruntime-node copies every output for JavaScript, and with it whole
 * caches where a graph hands them back so (docs/decisions/0003-in-place-updates.md).
 *
 *   npm run build && node tools/bench/step-profile.mjs MODEL [key=value ...]
 *
 * Keys: past=512 (positions in the cache)  capacity=576 (positions it has room for)  source=512 (tokens of the source, where there is
 * an encoder)  batch=1  target=1 (tokens fed: one and the drafts after it)  steps=20  threads=2. MODEL is an export for target cpu. Caches and sources hold synthetic numbers. Prints the medians over
 * the steps after the first fifth [ms]: of the whole call, and of each kind of operator as ONNX Runtime's own profile has it.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { settingsOf } from "../lib/settings.mjs";

/** The middle of the values. */
const median = (/** @type {readonly number[]} */ values) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const [model, ...settings] = process.argv.slice(2);
const options = settingsOf(
  { past: 512, capacity: 576, source: 512, batch: 1, target: 1, steps: 20, threads: 2 },
  settings,
);
if (model === undefined) throw new Error("usage: step-profile.mjs MODEL [key=value ...]");

const work = await mkdtemp(join(tmpdir(), "slm-step-profile-"));
const { session, feeds, fetches, caches } = await openStep(model, options, {
  intraOpNumThreads: options.threads,
  enableProfiling: true,
  profileFilePrefix: join(work, "profile"),
});
const cacheBytes = Object.entries(feeds).reduce(
  (sum, [name, { data }]) =>
    sum + (name.startsWith("past.") && ArrayBuffer.isView(data) ? data.byteLength : 0),
  0,
);

const calls = [];
for (let step = 0; step < options.steps; step++) {
  const begin = performance.now();
  await session.run(feeds, fetches);
  calls.push(performance.now() - begin);
}
session.endProfiling();

const [file = ""] = await readdir(work);
/** @type {{ cat: string, name: string, dur: number, args: { op_name: string } }[]} */
const events = JSON.parse(await readFile(join(work, file), "utf8"));
await rm(work, { recursive: true });

// A run's event comes after those of its nodes.
/** @type {Map<string, number>[]} */
const runs = [];
/** @type {Map<string, number>} */
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
const measured = runs.slice(warm);
const names = [...new Set(measured.flatMap((run) => [...run.keys()]))];
const byOperator = names
  .map((name) => /** @type {const} */ ([name, median(measured.map((run) => run.get(name) ?? 0))]))
  .sort(([, a], [, b]) => b - a);
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

/**
 * @param directory an export for target cpu
 * @param {{ batch: number, target: number, past: number, capacity: number, source: number }} sizes tokens fed, positions in the cache,
 *   positions it has room for, and tokens of the source
 * @param sessionOptions of ONNX Runtime
 * @returns the session, feeds and fetches of one step, how caches are handed back (`caches` of model.json)
 */
async function openStep(
  /** @type {string} */ directory,
  /** @type {{ batch: number, target: number, past: number, capacity: number, source: number }} */
  { batch, target, past, capacity, source },
  /** @type {ort.InferenceSession.SessionOptions} */ sessionOptions,
) {
  const { graphs, caches } = JSON.parse(await readFile(join(directory, "model.json"), "utf8"));
  const session = await ort.InferenceSession.create(join(directory, graphs.decoder.file), sessionOptions);
  /** @type {Readonly<Record<string, number>>} */
  const axes = { batch, target, source, capacity };
  const tensorOf = (/** @type {ort.InferenceSession.ValueMetadata} */ input) => {
    if (!input.isTensor) throw new Error(`${input.name}: is no tensor`);
    const { name, type, shape } = input;
    const dims = shape.map((axis) => {
      const size = typeof axis === "number" ? axis : axes[axis];
      if (size === undefined) throw new Error(`${name}: unknown axis in [${shape.join(", ")}]`);
      return size;
    });
    const count = dims.reduce((product, size) => product * size, 1);
    if (type === "float32") return new ort.Tensor(type, new Float32Array(count).fill(0.01), dims);
    // Token 5, and the number of positions that are in the cache.
    return new ort.Tensor(type, new Int32Array(count).fill(name === "past_length" ? past : 5), dims);
  };
  const feeds = Object.fromEntries(session.inputMetadata.map((input) => [input.name, tensorOf(input)]));
  const isReplaced = caches !== "delta";
  const fetches = Object.fromEntries(
    session.outputNames.map((name) => [
      name,
      (isReplaced ? feeds[name.replace("present", "past")] : undefined) ?? null,
    ]),
  );
  return { session, feeds, fetches, caches };
}
