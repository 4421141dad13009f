/**
 * Loads `slm serve` with many connections and prints throughput compared with one request at a time, latency percentiles, and memory over
 * time. Exit code 3 if an answer failed with a status other than 429, if throughput is less than three times that of single requests, or if
 * memory grew after the warm-up.
 *
 *   node tools/bench/serve-load.mjs BUNDLE [--connections 200] [--seconds 60] [--warmup 15] [--threads 1] [--prompts F.jsonl]
 *
 * This process generates the load, so on a machine with two cores it uses a part of them.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    warmup: { type: "string", default: "15" },
    threads: { type: "string", default: "1" },
    prompts: { type: "string" },
  },
});
const [bundle] = positionals;
if (bundle === undefined) {
  process.stderr.write("usage: node tools/bench/serve-load.mjs BUNDLE\n");
  process.exit(2);
}
const [connections, seconds, warmup] = [
  Number(values.connections),
  Number(values.seconds),
  Number(values.warmup),
];
/** Growth of resident memory between the first and last third of the measured time that counts as noise. */
const MEMORY_NOISE = 0.05;
const LEAST_SPEEDUP = 3;

const prompts =
  values.prompts === undefined
    ? ["abc", "deb", "cab", "bed", "cede", "added", "decade"]
    : (await readFile(values.prompts, "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).source);

const bin = join(import.meta.dirname, "..", "..", "apps", "cli", "bin", "run.js");
const server = spawn(process.execPath, [bin, "serve", bundle, "--port", "0", "--threads", values.threads], {
  stdio: ["ignore", "inherit", "pipe"],
});
/** @type {string} */
const url = await new Promise((resolve, reject) => {
  let story = "";
  server.stderr.on("data", (chunk) => {
    story += chunk;
    const found = /http:\/\/\S+/.exec(story)?.[0];
    if (found !== undefined) resolve(found);
  });
  server.on("exit", () => reject(new Error(`slm serve ended: ${story}`)));
});

/** Sends one request over a keep-alive connection. @returns status and milliseconds */
/**
 * @typedef {{ status: number | string | undefined, ms: number, tokens: number }} Answered
 * @typedef {{ answers: Answered[], seconds: number, cpuSeconds: number | undefined }} Loaded
 */

function ask(/** @type {http.Agent} */ agent, /** @type {string | undefined} */ prompt) {
  const body = JSON.stringify({ prompt });
  const startedAt = performance.now();
  return /** @type {Promise<Answered>} */ (
    new Promise((resolve) => {
      const finish = (/** @type {number | undefined | string} */ status, tokens = 0) =>
        resolve({ status, ms: performance.now() - startedAt, tokens });
      const request = http.request(
        `${url}/v1/completions`,
        {
          agent,
          method: "POST",
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        },
        (response) => {
          let text = "";
          response.on("data", (chunk) => (text += chunk));
          response.on("end", () => {
            const tokens = response.statusCode === 200 ? JSON.parse(text).usage.completion_tokens : 0;
            finish(response.statusCode, tokens);
          });
          response.on("error", () => finish("broken"));
        },
      );
      request.on("error", () => finish("broken"));
      request.end(body);
    })
  );
}

/** CPU time of the server so far [s], if the system reports it (Linux). Other load on the machine does not affect it. */
async function serverCpuSeconds() {
  const stat = await readFile(`/proc/${server.pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return undefined;
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}

/** Keeps `count` connections busy for a given time. */
async function load(/** @type {number} */ count, /** @type {number} */ forSeconds) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: count });
  const until = performance.now() + forSeconds * 1000;
  /** @type {Answered[]} */
  const answers = [];
  const cpuBefore = await serverCpuSeconds();
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      for (let next = at; performance.now() < until; next += count) {
        answers.push(await ask(agent, prompts[next % prompts.length]));
      }
    }),
  );
  agent.destroy();
  const took = (performance.now() - startedAt) / 1000;
  const cpuAfter = await serverCpuSeconds();
  return {
    answers,
    seconds: took,
    cpuSeconds: cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore,
  };
}

function summarize(/** @type {Loaded} */ { answers, seconds: took, cpuSeconds }) {
  /** @type {Record<string, number>} */
  const statuses = {};
  for (const { status } of answers) statuses[String(status)] = (statuses[String(status)] ?? 0) + 1;
  const good = answers.filter(({ status }) => status === 200);
  const sorted = good.map(({ ms }) => ms).sort((a, b) => a - b);
  const quantile = (/** @type {number} */ share) =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2));
  const tokens = good.reduce((sum, answer) => sum + answer.tokens, 0);
  return {
    statuses,
    requestsPerSecond: Number((good.length / took).toFixed(1)),
    tokensPerSecond: Number((tokens / took).toFixed(1)),
    ...(cpuSeconds === undefined
      ? {}
      : { serverCpuMsPerRequest: Number(((cpuSeconds * 1000) / answers.length).toFixed(3)) }),
    latencyMs: { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
  };
}

const metric = async (/** @type {string} */ name) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
};
const median = (/** @type {readonly number[]} */ list) =>
  [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;

await load(1, 2);
const alone = summarize(await load(1, Math.max(3, seconds / 4)));
await load(connections, warmup);
/** @type {number[]} */
const memory = [];
const sampling = setInterval(
  () => void metric("process_resident_memory_bytes").then((bytes) => memory.push(bytes)),
  1000,
);
const together = summarize(await load(connections, seconds));
clearInterval(sampling);
const steps = await metric("slm_step_rows_count");
const rows = await metric("slm_step_rows_sum");

const third = Math.max(1, Math.floor(memory.length / 3));
const [early, late] = [median(memory.slice(0, third)), median(memory.slice(-third))];
const failures = Object.entries(together.statuses).filter(([status]) => status !== "200" && status !== "429");
const speedup = Number((together.requestsPerSecond / alone.requestsPerSecond).toFixed(2));
const growth = Number(((late - early) / early).toFixed(4));
const pass = {
  failures: failures.length === 0,
  speedup: speedup >= LEAST_SPEEDUP,
  memory: growth <= MEMORY_NOISE,
};
server.removeAllListeners("exit");
const ended = new Promise((resolve) => server.on("exit", resolve));
server.kill("SIGTERM");
const exitCode = await ended;
process.stdout.write(
  `${JSON.stringify(
    {
      connections,
      seconds,
      threads: Number(values.threads),
      oneAtATime: alone,
      together,
      speedup,
      meanRowsPerStep: Number((rows / steps).toFixed(2)),
      memory: { earlyBytes: early, lateBytes: late, growth, samples: memory.length },
      serverExit: exitCode,
      pass,
    },
    null,
    2,
  )}\n`,
);
process.exitCode = Object.values(pass).every(Boolean) && exitCode === 0 ? 0 : 3;
