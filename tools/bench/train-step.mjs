/**
 * Time of one compiled training step (forward, backward, clipping, AdamW) of an encoder-decoder, against tokens/s.
 *
 *   npm run build && node tools/bench/train-step.mjs [key=value ...]
 *
 * Defaults: the 6.8M-parameter model (4+2 layers, width 256, vocabulary 8192), batch 16, 128 source + 64 target tokens,
 * dense soft targets. Prints one JSON line: median milliseconds, tokens/s, peak memory.
 */
import { createRandom } from "@slm/decoding";
import {
  crossCaches,
  decode,
  encode,
  initializeWeights,
  outputHead,
  parameterCount,
  parseModelConfig,
} from "@slm/model";
import { createCpuRuntime } from "@slm/runtime-cpu";
import { createHostTensor } from "@slm/runtime";
import { createOnnxEngine, lengthBias, math, softTargetCrossEntropy, traceProgram } from "@slm/tensor";
import { planRun, stepScalars, trainingSettings, trainProgram, uploadState } from "@slm/training";

const OPTIMIZERS = ["adamw", "muon"];
const options = {
  vocab: 8192,
  width: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  feedForward: 1024,
  encoder: 4,
  decoder: 2,
  batch: 16,
  source: 128,
  target: 64,
  threads: 2,
  steps: 12,
  bias: 1,
  /** 0: AdamW, 1: Muon */
  muon: 0,
};
for (const argument of process.argv.slice(2)) {
  const [key, value] = argument.split("=");
  if (!(key in options)) throw new Error(`unknown option ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
const { batch, source, target, vocab } = options;
const config = parseModelConfig(
  {
    architecture: "encoder-decoder",
    vocabularySize: vocab,
    width: options.width,
    heads: options.heads,
    kvHeads: options.kvHeads,
    headDim: options.headDim,
    feedForward: options.feedForward,
    encoderLayers: options.encoder,
    decoderLayers: options.decoder,
    maxSource: source,
    maxTarget: target,
    bias: options.bias === 1,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  },
  "benchmark",
);
const settings = trainingSettings.parse({
  steps: options.steps,
  learningRate: 1e-3,
  warmupSteps: 0,
  optimizer: OPTIMIZERS[options.muon],
});
const definition = {
  inputs: {
    source: { dtype: "int32", shape: [batch, source] },
    lengths: { dtype: "int32", shape: [batch] },
    target: { dtype: "int32", shape: [batch, target] },
    soft: { dtype: "float32", shape: [batch * target, vocab] },
    mask: { dtype: "float32", shape: [batch * target] },
    count: { dtype: "float32", shape: [] },
  },
  terms: [],
  build: (parameters, x) => {
    const encoded = encode(config, parameters, x.source, { lengths: x.lengths });
    const bias = lengthBias({ lengths: x.lengths, ids: x.source }, {});
    const hidden = decode(config, parameters, x.target, {
      source: { cross: crossCaches(config, parameters, encoded), bias },
    });
    const logits = math.reshape(outputHead(config, parameters, hidden), [batch * target, vocab]);
    return { loss: softTargetCrossEntropy({ logits, mask: x.mask, count: x.count }, x.soft), terms: {} };
  },
};
const random = createRandom(1).next;
const integer = (below) => Math.floor(random() * below);
const runtime = await createCpuRuntime({ threads: options.threads });
const engine = createOnnxEngine(runtime);
const plan = planRun(config);
const traceStart = performance.now();
const program = trainProgram("benchmark", plan, definition, settings);
const graph = traceProgram(program);
const traceMs = performance.now() - traceStart;
const compiled = await engine.compile(program);
const state = await uploadState(engine, plan, settings, initializeWeights(config, random));
const soft = new Float32Array(batch * target * vocab);
for (let i = 0; i < batch * target; i++) soft[i * vocab + integer(vocab)] = 1;
const data = {
  source: createHostTensor(
    "int32",
    [batch, source],
    Int32Array.from({ length: batch * source }, () => integer(vocab)),
  ),
  lengths: createHostTensor("int32", [batch], new Int32Array(batch).fill(source)),
  target: createHostTensor(
    "int32",
    [batch, target],
    Int32Array.from({ length: batch * target }, () => integer(vocab)),
  ),
  soft: await engine.upload(createHostTensor("float32", [batch * target, vocab], soft)),
  mask: createHostTensor("float32", [batch * target], new Float32Array(batch * target).fill(1)),
  count: createHostTensor("float32", [], Float32Array.of(batch * target)),
};
const times = [];
const losses = [];
for (let step = 1; step <= options.steps; step++) {
  const feeds = { ...state.feeds, ...data };
  for (const [name, value] of Object.entries(stepScalars(step, settings)))
    feeds[name] = createHostTensor("float32", [], Float32Array.of(value));
  const start = performance.now();
  const { fetched } = await compiled.run({ feeds, fetch: ["loss"], into: state.into });
  times.push(performance.now() - start);
  losses.push(fetched.loss.data[0]);
}
times.sort((a, b) => a - b);
const median = times[times.length >> 1];
console.log(
  JSON.stringify({
    parameters: parameterCount(config),
    nodes: graph.nodes.length,
    traceMs: Math.round(traceMs),
    medianMs: Math.round(median * 10) / 10,
    tokensPerSecond: Math.round((1000 * batch * (source + target)) / median),
    peakRssMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
  }),
);
await runtime.close();
