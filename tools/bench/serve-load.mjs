/**
 * Loads `slm serve` with many connections. Prints answers per second compared with one request at a time, latency percentiles, shares of the
 * CPUs and memory. Exit code 3 if an answer was wrong or failed with a status other than 429, if throughput is less than three times that of
 * single requests, or if memory grew after the warm-up.
 *
 *   npm run build && node tools/bench/serve-load.mjs BUNDLE [connections=200] [seconds=60] [warmup=15] [threads=1] [prompts=F.jsonl]
 *
 * This process generates the load, so on a machine with two cores it uses a part of them.
 */
import { answersAlone, load, PROMPTS } from "../../e2e/hostile/serving/good-clients.mjs";
import { startServer, watchCpu, watchMemory } from "../../e2e/hostile/serving/server.mjs";
import { firstSources } from "../lib/first-sources.mjs";
import { settingsOf } from "../lib/settings.mjs";

/** Growth of resident memory between the first and last third of the measured time that counts as noise. */
const MEMORY_NOISE = 0.05;
const LEAST_SPEEDUP = 3;

const [bundle, ...given] = process.argv.slice(2);
if (bundle === undefined) throw new Error("usage: serve-load.mjs BUNDLE [key=value ...]");
const DEFAULTS = { connections: 200, seconds: 60, warmup: 15, threads: 1, prompts: "" };
const { connections, seconds, warmup, threads, prompts } = settingsOf(DEFAULTS, given);

const server = await startServer(bundle, { flags: ["--threads", String(threads)] });
const { url, pid } = server;
const expected = await answersAlone(url, prompts === "" ? PROMPTS : await firstSources(prompts, 100));
await load(url, { count: 1, seconds: 2, expected });
const alone = await load(url, { count: 1, seconds: Math.max(3, seconds / 4), expected });
await load(url, { count: connections, seconds: warmup, expected });
const thirds = [];
for (let third = 0; third < 3; third += 1) {
  const [cpu, memory] = [await watchCpu(pid), watchMemory(pid)];
  const figures = await load(url, { count: connections, seconds: seconds / 3, expected });
  thirds.push({ ...figures, cpu: await cpu(), memoryBytes: (await memory()).median });
}
const text = await (await fetch(`${url}/metrics`)).text();
const metric = (/** @type {string} */ name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
const { exit } = await server.stop();

const sum = thirds.reduce((total, { answersPerSecond }) => total + answersPerSecond, 0);
const speedup = sum / thirds.length / alone.answersPerSecond;
const growth = (thirds.at(-1)?.memoryBytes ?? Number.NaN) / (thirds[0]?.memoryBytes ?? Number.NaN) - 1;
const pass = {
  failures: thirds.every(({ statuses }) =>
    Object.keys(statuses).every((one) => one === "200" || one === "429"),
  ),
  answers: thirds.every(({ wrongAnswers }) => wrongAnswers === 0),
  speedup: speedup >= LEAST_SPEEDUP,
  memory: growth <= MEMORY_NOISE,
  exit: exit === 0,
};
const meanRowsPerStep = metric("slm_step_rows_sum") / metric("slm_step_rows_count");
const report = {
  connections,
  seconds,
  threads,
  alone,
  thirds,
  speedup,
  meanRowsPerStep,
  memoryGrowth: growth,
  pass,
};
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exitCode = Object.values(pass).every(Boolean) ? 0 : 3;
