/**
 * How long the event loop of a program waits while it generates: the longest of every moment at which a timer of 1 ms was late.
 * Prints one JSON line with the histogram and ends with 1 if the loop was ever held up for more than 20 ms.
 *
 *   npm run build && node tools/bench/event-loop.mjs MODEL_DIR [seconds=5] [threads=2] [inThread=0] [prompt=TEXT]
 *
 * Other programs hold the loop up too: run it on a machine that does nothing else.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { openModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";

const LIMIT_MS = 20;
const [directory, ...rest] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: event-loop.mjs MODEL_DIR [key=value ...]");
const options = {
  seconds: "5",
  threads: "2",
  inThread: "0",
  prompt: "hello",
  ...Object.fromEntries(rest.map((text) => text.split("="))),
};

const runtime = await createCpuRuntime({
  threads: Number(options.threads),
  inThread: options.inThread === "1",
});
const generator = await openModel(directory, runtime);
await generator.warmUp();
const delays = monitorEventLoopDelay({ resolution: 1 });
await sleep(100);
delays.enable();
const until = performance.now() + 1000 * Number(options.seconds);
let answers = 0;
let tokens = 0;
while (performance.now() < until) {
  const [made] = await generator.generate([options.prompt]);
  answers += 1;
  tokens += made.tokens.length;
}
delays.disable();
await generator.close();
await runtime.close();

// The histogram counts the timer's own millisecond.
const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
const buckets = [1, 2, 5, 10, 20, 50, 100, Infinity];
const shares = Object.fromEntries(
  buckets.map((most, at) => {
    const least = buckets[at - 1] ?? 0;
    let count = 0;
    let before = 0;
    for (const [percent, value] of delays.percentiles) {
      if (late(value) <= most) count = percent;
      if (late(value) <= least) before = percent;
    }
    return [`up to ${most} ms`, Math.round(1000 * (count - (at === 0 ? 0 : before))) / 1000];
  }),
);
const longestMs = late(delays.max);
console.log(
  JSON.stringify({
    answers,
    tokens,
    samples: delays.count,
    loadAverage: loadavg()[0],
    meanMs: late(delays.mean),
    p99Ms: late(delays.percentile(99)),
    longestMs,
    limitMs: LIMIT_MS,
    percentOfSamples: shares,
  }),
);
if (longestMs > LIMIT_MS) process.exitCode = 1;
