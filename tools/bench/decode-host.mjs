/**
 * What a step of greedy decoding takes beside ONNX Runtime: the same decoder in three ways, and its bare runs.
 *
 *   npm run build && node tools/bench/decode-host.mjs MODEL [key=value ...]
 *
 * Keys: source=512 (tokens of the source, or of the prompt of a decoder-only model)  answer=64  rounds=5  threads=2  inThread=0. MODEL is an
 * export for target cpu, with an encoder, whose tokenizer makes a token of every "a" (as those of `slm model init` do); it never ends by
 * itself. Rounds take the ways in turn, the first of a round changing. Prints one JSON line and a table of medians over the steps behind the
 * first of all rounds [ms]:
 *
 * - logits: a message for each step, the likeliest token found in what the graph's logits are outside of it
 * - picks: a message for each step, the token picked in the graph
 * - repeated: the steps follow one another in the worker, which is what `generate` does
 * - bare: `session.run` of onnxruntime-node in a loop that does nothing else, with the graph that picks
 *
 * Speeds of a machine that does other work mean nothing.
 */
import { readFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import ort from "onnxruntime-node";
import { readDeviceModel } from "@slm/artifact";
import { loadGenerator } from "@slm/generate";
import { encodeAddition } from "@slm/graph";
import { repeatRuns } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-cpu";
import { endlessRuntime } from "../../packages/run/bench/dist/endless-runtime.js";
import { likeliest } from "../../packages/run/generate/dist/graph-edits/likeliest.js";

const [directory, ...settings] = process.argv.slice(2);
const options = { source: 512, answer: 64, rounds: 5, threads: 2, inThread: 0 };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
if (directory === undefined) throw new Error("usage: decode-host.mjs MODEL [key=value ...]");
const { source, answer, rounds, threads } = options;
const load = loadavg()[0];
const model = await readDeviceModel(directory);

/** A runtime whose sessions are changed. */
const changed = (runtime, change) => ({
  ...{ device: runtime.device, load: async (from, how) => change(runtime, from, how) },
  ...Object.fromEntries(
    ["upload", "download", "write", "permuteRows", "release", "peakMemoryBytes", "close"].map((name) => [
      name,
      (...given) => runtime[name](...given),
    ]),
  ),
});

/** Whose runs are asked for one by one. */
const stepwise = (session) => ({
  ...{ inputNames: session.inputNames, outputNames: session.outputNames },
  ...{ run: (request) => session.run(request), release: () => session.release() },
  repeat: (request) => repeatRuns(session, request),
});

const WAYS = {
  logits: async (runtime, from, how) =>
    stepwise(await runtime.load(from.kind === "file" ? { kind: "file", path: from.path } : from, how)),
  picks: async (runtime, from, how) => stepwise(await runtime.load(from, how)),
  repeated: (runtime, from, how) => runtime.load(from, how),
};

async function openWay(name) {
  const runtime = await createCpuRuntime({ threads, inThread: options.inThread === 1 });
  const generator = await loadGenerator(
    directory,
    endlessRuntime(changed(runtime, WAYS[name]), model.tokens.eos),
  );
  return {
    name,
    run: async () => {
      const [made] = await generator.generate(["a".repeat(source)], { maxTokens: answer });
      if (made.tokens.length !== answer) throw new Error(`${name} made ${made.tokens.length} tokens`);
      const { firstTokenMs, stepsMs } = made;
      const gapsMs = stepsMs.slice(1).map((at, step) => at - stepsMs[step]);
      return { firstTokenMs, gapsMs };
    },
    close: async () => {
      await generator.close();
      await runtime.close();
    },
  };
}

/** Runs of the same graphs with nothing around them but what they are fed. */
async function openBare() {
  const common = { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 4 };
  const path = join(directory, model.graphs.decoder.file);
  const bytes = Buffer.concat([await readFile(path), encodeAddition(likeliest("batch"))]);
  const decoder = await ort.InferenceSession.create(bytes, {
    ...common,
    extra: { "session.model_external_initializers_file_folder_path": dirname(path) },
  });
  const encoder = await ort.InferenceSession.create(join(directory, model.graphs.encoder.file), common);
  const { kvHeads, headDim, maxTarget } = model;
  const capacity = Math.min(Math.ceil(answer / 32) * 32, maxTarget);
  const caches = Object.fromEntries(
    decoder.inputNames
      .filter((name) => name.startsWith("past."))
      .map((name) => {
        const data = new Float32Array(kvHeads * capacity * headDim).fill(0.01);
        return [name, new ort.Tensor("float32", data, [1, kvHeads, capacity, headDim])];
      }),
  );
  const isReplaced = model.caches !== "appended";
  const fetches = Object.fromEntries(
    decoder.outputNames
      .filter((name) => name !== "logits")
      .map((name) => [name, (isReplaced ? caches[name.replace("present", "past")] : undefined) ?? null]),
  );
  return {
    name: "bare",
    run: async () => {
      const began = performance.now();
      const encoded = await encoder.run({
        source_ids: new ort.Tensor("int32", new Int32Array(source).fill(5), [1, source]),
        source_lengths: new ort.Tensor("int32", Int32Array.of(source), [1]),
      });
      const past = new Int32Array(1);
      const feeds = {
        ...{ ...encoded, ...caches },
        target_ids: new ort.Tensor("int32", Int32Array.of(5), [1, 1]),
        past_length: new ort.Tensor("int32", past, [1]),
      };
      const gapsMs = [];
      let firstTokenMs = 0;
      for (past[0] = 0; past[0] < answer; past[0]++) {
        const start = performance.now();
        await decoder.run(feeds, fetches);
        if (past[0] === 0) firstTokenMs = performance.now() - began;
        else gapsMs.push(performance.now() - start);
      }
      return { firstTokenMs, gapsMs };
    },
    close: async () => {
      await encoder.release();
      await decoder.release();
    },
  };
}

const ways = [await openBare()];
for (const name of Object.keys(WAYS)) ways.push(await openWay(name));
const samples = new Map(ways.map(({ name }) => [name, []]));
for (const { run } of ways) await run();
for (let round = 0; round < rounds; round++)
  for (let at = 0; at < ways.length; at++) {
    const { name, run } = ways[(at + round) % ways.length];
    // Threads of the way before stop spinning.
    await new Promise((resolve) => setTimeout(resolve, 50));
    samples.get(name).push(await run());
  }
for (const { close } of ways) await close();

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const rounded = (value) => Math.round(1000 * value) / 1000;
const results = Object.fromEntries(
  [...samples].map(([name, taken]) => [
    name,
    {
      firstTokenMs: rounded(median(taken.map(({ firstTokenMs }) => firstTokenMs))),
      stepMs: rounded(median(taken.flatMap(({ gapsMs }) => gapsMs))),
    },
  ]),
);
const bare = results.bare.stepMs;
const { onnxruntime } = { onnxruntime: ort.env.versions?.node };
console.log(
  JSON.stringify({
    ...{ ...options, loadAverage: load, cpu: cpus()[0]?.model.trim(), node: process.version, onnxruntime },
    results,
  }),
);
console.log("| way | first token [ms] | step [ms] | beside the bare run [ms] | share of the step |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const [name, { firstTokenMs, stepMs }] of Object.entries(results)) {
  const beside = stepMs - bare;
  console.log(
    `| ${name} | ${firstTokenMs.toFixed(1)} | ${stepMs.toFixed(3)} | ${beside.toFixed(3)} | ${((100 * beside) / stepMs).toFixed(1)} % |`,
  );
}
