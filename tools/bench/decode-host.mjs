/**
 * What a step of greedy decoding takes beside ONNX Runtime's run, in three ways over the same decoder.
 *
 *   npm run build && node tools/bench/decode-host.mjs MODEL [key=value ...]
 *
 * Keys: source=512 (tokens of the source)  answer=64  rounds=5  threads=2. MODEL is an export for target cpu whose tokenizer makes a token of
 * every "a", as those of `slm model init` do; it is kept from ending by itself. Rounds take the ways in turn, the first of a round
 * changing, each with a runtime of its own:
 *
 * - logits: a message for each step, the most probable token found in logits that left the graph
 * - picks: a message for each step, the token picked in the graph
 * - repeated: the steps follow one another in the worker, which is what `generate` does
 *
 * Prints one JSON line and a table of medians [ms] over the steps behind the first: of the whole step, of `session.run` in the worker, and
 * of what is left of each step. The last is of one step at a time, so a machine that does other work disturbs it least.
 */
import { spawnSync } from "node:child_process";
import { loadavg, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setEnvironmentData } from "node:worker_threads";
import ort from "onnxruntime-node";
import { readDeviceModel } from "@slm/exported-model";
import { openModel } from "@slm/inference";
import { repeatRuns } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { endlessRuntime } from "../../packages/bench/dist/endless-runtime.js";
import { RUN_TIMES } from "./run-timer.mjs";

const TIMER = `--import=${new URL("run-timer.mjs", import.meta.url).href}`;
if (!(process.env.NODE_OPTIONS ?? "").includes(TIMER)) {
  const env = { ...process.env, NODE_OPTIONS: [process.env.NODE_OPTIONS ?? "", TIMER].join(" ") };
  const argv = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit(spawnSync(process.execPath, argv, { env, stdio: "inherit" }).status ?? 1);
}

const [directory, ...settings] = process.argv.slice(2);
const options = { source: 512, answer: 64, rounds: 5, threads: 2 };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
if (directory === undefined) throw new Error("usage: decode-host.mjs MODEL [key=value ...]");
const { source, answer, rounds, threads } = options;
const load = loadavg()[0];
const { tokens } = await readDeviceModel(directory);

// An encoder's run and the decoder's, and the count.
const runTimes = new Float64Array(new SharedArrayBuffer(8 * (answer + 2)));
setEnvironmentData(RUN_TIMES, runTimes);

/** A session whose runs are asked for one by one. */
const stepwise = (session) => ({
  inputNames: session.inputNames,
  outputNames: session.outputNames,
  run: (request) => session.run(request),
  release: () => session.release(),
  repeat: (request) => repeatRuns(session, request),
});

/** How a graph is loaded. */
const WAYS = {
  logits: async (runtime, { kind, path }, how) => stepwise(await runtime.load({ kind, path }, how)),
  picks: async (runtime, from, how) => stepwise(await runtime.load(from, how)),
  repeated: (runtime, from, how) => runtime.load(from, how),
};

async function openWay(name) {
  const runtime = await createCpuRuntime({ threads });
  const changed = new Proxy(runtime, {
    get: (target, key) => {
      if (key === "load") return (from, how) => WAYS[name](target, from, how);
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const generator = await openModel(directory, endlessRuntime(changed, tokens.eos));
  return {
    name,
    run: async () => {
      runTimes[0] = 0;
      const [made] = await generator.generate(["a".repeat(source)], { maxTokens: answer });
      if (made.tokens.length !== answer) throw new Error(`${name} made ${made.tokens.length} tokens`);
      if (runTimes[0] < answer) throw new Error(`${runTimes[0]} runs were timed, expected ${answer} or more`);
      const { firstTokenMs, stepsMs } = made;
      const steps = stepsMs.slice(1).map((at, step) => at - stepsMs[step]);
      const runs = [...runTimes.subarray(1, 1 + runTimes[0])].slice(-steps.length);
      return { firstTokenMs, steps, runs, beside: steps.map((step, at) => step - runs[at]) };
    },
    close: async () => {
      await generator.close();
      await runtime.close();
    },
  };
}

const ways = [];
for (const name of Object.keys(WAYS)) ways.push(await openWay(name));
const samples = new Map(ways.map(({ name }) => [name, []]));
for (const { run } of ways) await run();
for (let round = 0; round < rounds; round++)
  for (let at = 0; at < ways.length; at++) {
    const { name, run } = ways[(at + round) % ways.length];
    // Threads of the way before stop spinning.
    await sleep(50);
    samples.get(name).push(await run());
  }
for (const { close } of ways) await close();

const median = (values) => {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  return Math.round(1000 * middle) / 1000;
};
const results = Object.fromEntries(
  [...samples].map(([name, taken]) => [
    name,
    {
      firstTokenMs: median(taken.map(({ firstTokenMs }) => firstTokenMs)),
      stepMs: median(taken.flatMap(({ steps }) => steps)),
      runMs: median(taken.flatMap(({ runs }) => runs)),
      besideMs: median(taken.flatMap(({ beside }) => beside)),
    },
  ]),
);
const machine = { cpu: cpus()[0]?.model.trim(), node: process.version, onnxruntime: ort.env.versions?.node };
console.log(JSON.stringify({ ...options, loadAverage: load, ...machine, results }));
console.log("| way | first token | step | session.run | beside it | of the step |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
for (const [name, { firstTokenMs, stepMs, runMs, besideMs }] of Object.entries(results)) {
  const cells = [firstTokenMs.toFixed(1), stepMs.toFixed(3), runMs.toFixed(3), besideMs.toFixed(3)];
  console.log(`| ${[name, ...cells, `${((100 * besideMs) / stepMs).toFixed(1)} %`].join(" | ")} |`);
}
