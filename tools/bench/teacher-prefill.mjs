/**
 * How fast a teacher reads, beside llama.cpp's prompt processing of the same model: tokens a second over 512 tokens, rounds
 * taken in turn, two threads each. Run it on a machine that does nothing else. Needs `npm run build`.
 *
 * Ours: the last layer's states of all positions, which is what prompt processing computes, and the same with the logits of
 * all positions, which is what scoring a teacher adds.
 *
 * Usage: node tools/bench/teacher-prefill.mjs MODEL.gguf TEACHER_DIRECTORY [THREADS] [ROUNDS]
 */
import { readCheckpoint } from "@slm/checkpoints";
import { decode, headWeight, outputHead, parameterSpecs } from "@slm/model";
import { createHostTensor } from "@slm/runtime";
import { createOnnxEngine, math } from "@slm/tensor";
import { createCpuRuntime } from "@slm/runtime-node";
import { openLlama } from "../interop/reference/llama-cpp/llama.mjs";
import { PROMPTS } from "../interop/reference/llama-cpp/prompts.mjs";

const LENGTH = 512;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function openOurs(directory, threads) {
  const runtime = await createCpuRuntime({ threads });
  const engine = createOnnxEngine(runtime);
  const { config, weights } = await readCheckpoint(directory);
  const device = {};
  for (const [name, tensor] of weights) device[name] = await engine.upload(tensor);
  const inputs = Object.fromEntries(
    parameterSpecs(config).map(({ name, shape }) => [name, { dtype: "float32", shape }]),
  );
  const states = await engine.compile({
    name: "states",
    forwardOnly: true,
    inputs: { ...inputs, ids: { dtype: "int32", shape: [1, LENGTH] } },
    build: (x) => ({ hidden: math.reshape(decode(config, x, x.ids), [LENGTH, config.width]) }),
  });
  const name = headWeight(config);
  const head = await engine.compile({
    name: "logits",
    forwardOnly: true,
    inputs: { [name]: inputs[name], hidden: { dtype: "float32", shape: [LENGTH, config.width] } },
    build: (x) => ({ logits: outputHead(config, x, x.hidden) }),
  });
  const pass = async (ids, withLogits) => {
    const feeds = { ...device, ids: createHostTensor("int32", [1, LENGTH], Int32Array.from(ids)) };
    const started = performance.now();
    const { kept } = await states.run({ feeds, keep: ["hidden"] });
    const made = [kept.hidden];
    if (withLogits) {
      const { kept: out } = await head.run({
        feeds: { [name]: device[name], hidden: kept.hidden },
        keep: ["logits"],
      });
      made.push(out.logits);
    }
    const seconds = (performance.now() - started) / 1000;
    await engine.release(made);
    return LENGTH / seconds;
  };
  return { pass, close: async () => (await engine.close(), runtime.close()) };
}

async function openTheirs(model, threads) {
  const llama = await openLlama(threads);
  const loaded = await llama.loadModel({ modelPath: model });
  const context = await loaded.createContext({
    contextSize: LENGTH + 8,
    batchSize: LENGTH,
    sequences: 1,
    threads,
  });
  const sequence = context.getSequence();
  const pass = async (ids) => {
    await sequence.clearHistory();
    const started = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(ids);
    return LENGTH / ((performance.now() - started) / 1000);
  };
  return { loaded, pass, close: () => loaded.dispose() };
}

async function main(model, directory, threads, rounds) {
  const theirs = await openTheirs(model, threads);
  const ours = await openOurs(directory, threads);
  const all = theirs.loaded.tokenize(PROMPTS.join("\n").repeat(2), true).map(Number);
  const ids = all.slice(0, LENGTH);
  const rates = { llamaCpp: [], states: [], logits: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const found = {
      llamaCpp: await theirs.pass(ids),
      states: await ours.pass(ids, false),
      logits: await ours.pass(ids, true),
    };
    // The first round compiles and warms caches.
    if (round > 0) for (const [name, rate] of Object.entries(found)) rates[name].push(rate);
  }
  const tokensPerSecond = Object.fromEntries(
    Object.entries(rates).map(([name, values]) => [
      name,
      {
        median: Math.round(median(values)),
        least: Math.round(Math.min(...values)),
        most: Math.round(Math.max(...values)),
      },
    ]),
  );
  const ratio = median(rates.states) / median(rates.llamaCpp);
  console.log(
    JSON.stringify({
      tokens: LENGTH,
      threads,
      rounds,
      tokensPerSecond,
      statesOverLlamaCpp: Number(ratio.toFixed(3)),
    }),
  );
  await ours.close();
  await theirs.close();
}

const [model, directory, threads = "2", rounds = "9"] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: teacher-prefill.mjs MODEL.gguf TEACHER_DIRECTORY [THREADS] [ROUNDS]");
  process.exitCode = 2;
} else await main(model, directory, Number(threads), Number(rounds));
