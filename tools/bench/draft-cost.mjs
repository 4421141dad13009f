/**
 * What a run of a decoder takes by the number of tokens that it is fed: a token alone, or a token and its drafts.
 *
 *   npm run build && node tools/bench/draft-cost.mjs MODEL:TOKENS[,MODEL:TOKENS ...] [key=value ...]
 *
 * Keys: past=8 (positions in the cache)  capacity=40 (positions it has room for)  source=8 (tokens of the source)  rounds=300  threads=1.
 * MODEL is an export for target cpu; caches and sources hold synthetic numbers. Runs take turns, five of each in a round. Prints medians
 * [microseconds] and their ratios to the first.
 */
import { median, openStep } from "./step-feeds.mjs";

const [list, ...settings] = process.argv.slice(2);
if (list === undefined) throw new Error("usage: draft-cost.mjs MODEL:TOKENS[,...] [key=value ...]");
const options = { past: 8, capacity: 40, source: 8, rounds: 300, threads: 1 };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}

/** Runs before any that counts, and runs of one step in a row. */
const [WARM, TURN] = [50, 5];

const steps = [];
for (const item of list.split(",")) {
  const [directory, tokens] = item.split(":");
  const sizes = { ...options, target: Number(tokens) };
  const session = { intraOpNumThreads: options.threads, interOpNumThreads: 1, executionMode: "sequential" };
  steps.push({ item, times: [], ...(await openStep(directory, sizes, session)) });
}
for (const { session, feeds, fetches } of steps)
  for (let run = 0; run < WARM; run++) await session.run(feeds, fetches);
for (let round = 0; round < options.rounds; round++)
  for (const { session, feeds, fetches, times } of steps)
    for (let run = 0; run < TURN; run++) {
      const began = performance.now();
      await session.run(feeds, fetches);
      times.push(performance.now() - began);
    }
const first = median(steps[0].times);
console.log(JSON.stringify(options));
for (const { item, times } of steps) {
  const time = median(times);
  console.log(`${(1000 * time).toFixed(0).padStart(7)} us  ${(time / first).toFixed(2)}  ${item}`);
}
