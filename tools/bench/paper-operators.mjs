/**
 * The paper's 332M model, graph by graph, beside what its operators could do at best: the decoder step in 4 bits beside a bare graph of
 * the same operators and beside the machine's memory rate (bytes of the weights and of the source's keys and values), and the
 * encoder in int8 beside float32.
 *
 *   npm run build && node tools/bench/paper-operators.mjs [key=value ...]
 *
 * Keys: source=512 (tokens)  past=32 (positions in the cache)  capacity=128  steps=40 (in a round)  encodes=3 (in a round)  rounds=5
 * threads=2  work=runs/paper-operators (models; kept for the next time). Each is opened in a process of its own, in turn, round by
 * round. Prints one JSON line, then medians over all rounds.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import ort from "onnxruntime-node";
import { measureRates } from "@slm/bench";
import { createCpuRuntime } from "@slm/runtime-node";
import { bareDecoder } from "./bare-decoder.mjs";
import { median, openStep, sourceBytes } from "./step-feeds.mjs";

const ROOT = join(import.meta.dirname, "../..");
const CLI = join(ROOT, "apps/cli/bin/run.js");
const SHAPE = join(ROOT, "configs/paper-330m/model.yaml");

const options = {
  source: 512,
  past: 32,
  capacity: 128,
  steps: 40,
  encodes: 3,
  rounds: 5,
  threads: 2,
  work: "runs/paper-operators",
  /** In a process that measures: what it measures. */
  only: "",
};
for (const setting of process.argv.slice(2)) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = typeof options[key] === "string" ? value : Number(value);
}

const FOUR_BIT_HEAD = ["--embedding", "int4-block"];
/** Ways to quantize the decoder; `bare` is the last one's equal. */
const DECODERS = {
  "int4-block": [],
  "int4-block, 4-bit head": ["--block-size", "32", ...FOUR_BIT_HEAD],
  "int4-block, 4-bit head, blocks of 128": ["--block-size", "128", ...FOUR_BIT_HEAD],
};

const slm = (...given) =>
  execa(process.execPath, [CLI, ...given], { stdio: ["ignore", "ignore", "inherit"] });

async function made(name, ...command) {
  const directory = join(options.work, name);
  if (!existsSync(directory)) await slm(...command, "-o", directory);
  return directory;
}

await mkdir(options.work, { recursive: true });
const checkpoint = await made("checkpoint", "model", "init", SHAPE);
const float32 = await made("float32", "export", checkpoint, "--target", "cpu");
const int8 = await made("cpu", "quantize", float32, "--scheme", "cpu");
const decoders = {};
for (const [name, flags] of Object.entries(DECODERS))
  decoders[name] = await made(
    name.replaceAll(/[, ]+/g, "-"),
    ...["quantize", float32, "--scheme", "int4-block", ...flags],
  );

const session = { intraOpNumThreads: options.threads, interOpNumThreads: 1 };

async function openBare() {
  const shape = JSON.parse(await readFile(join(checkpoint, "config.json"), "utf8"));
  const { model, feeds, fetches, bytes } = bareDecoder(shape, options);
  const bare = await ort.InferenceSession.create(model, session);
  return { bytes: bytes + sourceBytes(feeds), run: () => bare.run(feeds, fetches) };
}

async function openDecoder(directory) {
  const { session: decoder, feeds, fetches, bytes } = await openStep(directory, options, session);
  return { bytes: bytes + sourceBytes(feeds), run: () => decoder.run(feeds, fetches) };
}

async function openEncoder(directory) {
  const encoder = await ort.InferenceSession.create(join(directory, "encoder.onnx"), session);
  const tokens = Int32Array.from({ length: options.source }, (_, at) => 5 + (at % 100));
  const feeds = {
    source_ids: new ort.Tensor("int32", tokens, [1, options.source]),
    source_lengths: new ort.Tensor("int32", Int32Array.of(options.source), [1]),
  };
  return { run: () => encoder.run(feeds) };
}

const BARE = "decoder, bare graph";
const INT8 = "encoder, int8";
/** What is timed, by name: how it is opened, and runs in a round. */
const MEASURED = {
  [BARE]: { open: openBare, runs: options.steps },
  ...Object.fromEntries(
    Object.entries(decoders).map(([name, directory]) => [
      `decoder, ${name}`,
      { open: () => openDecoder(directory), runs: options.steps },
    ]),
  ),
  "encoder, float32": { open: () => openEncoder(float32), runs: options.encodes },
  [INT8]: { open: () => openEncoder(int8), runs: options.encodes },
};

/** Times of one round [ms], after one run that is not counted. */
async function measure({ open, runs }) {
  const { run, bytes } = await open();
  const times = [];
  for (let at = 0; at <= runs; at++) {
    const begin = performance.now();
    await run();
    times.push(performance.now() - begin);
  }
  return { bytes, times: times.slice(1) };
}

async function measureApart(name) {
  const settings = Object.entries({ ...options, only: name }).map(([key, value]) => `${key}=${value}`);
  const { stdout } = await execa(process.execPath, [import.meta.filename, ...settings], {
    stderr: "inherit",
  });
  return JSON.parse(stdout);
}

if (options.only !== "") console.log(JSON.stringify(await measure(MEASURED[options.only])));
else await compare();

async function compare() {
  const times = Object.fromEntries(Object.keys(MEASURED).map((name) => [name, []]));
  const bytes = {};
  for (let round = 0; round < options.rounds; round++)
    for (const name of Object.keys(MEASURED)) {
      const measured = await measureApart(name);
      times[name].push(...measured.times);
      bytes[name] = measured.bytes;
    }
  const runtime = await createCpuRuntime({ threads: options.threads });
  const { readBytes } = await measureRates(runtime);
  await runtime.close();

  const rows = Object.keys(MEASURED).map((name) => ({ name, ms: median(times[name]), bytes: bytes[name] }));
  const msOf = (wanted) => rows.find(({ name }) => name === wanted).ms;
  console.log(JSON.stringify({ machine: cpus()[0].model, ...options, readBytes, rows }));
  console.log(`memory: ${(readBytes / 1e9).toFixed(1)} GB/s`);
  for (const { name, ms, bytes } of rows) {
    const facts = [`${ms.toFixed(2).padStart(9)} ms`, `${(1000 / ms).toFixed(1)}/s`];
    if (bytes === undefined) facts.push(`int8 ${(ms / msOf(INT8)).toFixed(2)}x as fast`);
    else {
      const share = (100 * bytes) / (ms / 1000) / readBytes;
      facts.push(`${(msOf(BARE) / ms).toFixed(2)}x the bare graph`);
      facts.push(`${(bytes / 1e6).toFixed(0)} MB, ${share.toFixed(0)} % of the memory rate`);
    }
    console.log(`${facts.join("  ")}  ${name}`);
  }
}
