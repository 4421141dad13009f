/**
 * Generation of a batch on a device: slm beside PyTorch and transformers, and a decoder-only model of slm beside transformers and
 * llama.cpp. Greedy, copies of one prompt decoded together, exactly `answer` tokens each, caches of keys and values everywhere.
 *
 *   npm run build && node tools/interop/reference/side-by-side/generate.mjs [size=tiny|small|30m|paper|1b] [kind=encoder-decoder|decoder-only]
 *     [batch=1] [source=512] [answer=128] [device=cpu|gpu:cuda|gpu:webgpu] [precision=float32|float16]
 *     [peerDevice=cpu|cuda] [peerDtype=float32|float16|bfloat16] [llamaGpu=none|cuda|vulkan|metal] [llamaType=F16|Q8_0|Q4_0]
 *
 * kind=encoder-decoder: PyTorch computes slm's own weights, written as in torch_worker.py (eager), and its tokens are compared;
 * transformers a T5 of equal layers. kind=decoder-only: as many layers as slm's encoder-decoder has, in transformers a Llama, in llama.cpp
 * (node-llama-cpp) a Llama from a GGUF file; weights are random, parameters are printed. The rate counts all answers, the prompt's
 * computation included. SLM_PEER_PYTHON names an interpreter that has torch, transformers and safetensors.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { openLlama } from "../llama-cpp/llama.mjs";
import { writeRandomGguf } from "../llama-cpp/random-gguf.mjs";
import {
  COMMON,
  PLACE,
  compare,
  openSlm,
  promptIds,
  python,
  randomCheckpoint,
  randomModel,
  settings,
  startPython,
} from "./harness.mjs";
import { TORCH } from "./python-packages.mjs";
import { decoderOnlyOf, parametersOf, shapeOf } from "./shapes.mjs";

const setting = settings({
  ...COMMON,
  size: "tiny",
  kind: "encoder-decoder",
  batch: 1,
  source: 512,
  answer: 128,
  device: "cpu",
  precision: "float32",
  peerDevice: "cpu",
  peerDtype: "float32",
  llamaGpu: "none",
  llamaType: "F16",
});
const { batch, source, answer, threads, device, precision, peerDevice, peerDtype, kind } = setting;
const [target, profile] = device.split(":");
const exportFlags = [
  ...["--target", target, "--precision", precision],
  ...(profile === undefined ? [] : ["--profile", profile]),
];
const referenceDevice = `${peerDevice}, ${peerDtype}`;

/** A contestant whose only figures are those that every program has. */
function rated({ run, about = {}, ...contestant }) {
  const figures = ({ totalMs, tokensPerSecond = (batch * answer * 1000) / totalMs }) => ({
    tokensPerSecond,
    milliseconds: (batch * answer * 1000) / tokensPerSecond,
  });
  return { ...contestant, about, run: async () => figures(await run()) };
}

async function ours(name, shape) {
  const opened = await openSlm(name, randomModel(shape, { exportFlags }), setting);
  return rated({ ...opened, about: { ...opened.about, parameters: parametersOf(shape) } });
}

/** A worker in Python whose answers are times and tokens. @param compares whether it has slm's weights */
async function fromPython(script, shape, nameOf, more = {}, compares = false) {
  const worker = await startPython(python(TORCH), script, { ...setting, shape, task: "generate", ...more });
  let tokens = [];
  const run = async () => {
    const answered = await worker.ask();
    tokens = answered.tokens;
    return { totalMs: answered.totalMs };
  };
  return rated({
    name: nameOf(worker.opened),
    about: { parameters: worker.opened.parameters, device: referenceDevice },
    ...(compares ? { made: () => tokens } : {}),
    run,
    close: worker.close,
  });
}

const transformers = (shape, model) =>
  fromPython("./transformers_worker.py", shape, ({ version }) => `transformers ${version}, ${model}`);

async function torch(shape) {
  const checkpoint = randomCheckpoint(shape);
  const more = {
    weights: join(checkpoint, "model.safetensors"),
    ids: await promptIds(checkpoint, source),
  };
  const nameOf = ({ version }) => `PyTorch ${version}, eager`;
  return fromPython("./torch_worker.py", shape, nameOf, more, true);
}

/** llama.cpp decodes every copy of the prompt as a sequence of its own, all in one batch. */
async function llama(shape) {
  const type = setting.llamaType;
  mkdirSync(PLACE, { recursive: true });
  const path = join(PLACE, `llama-like-${setting.size}-${type}.gguf`);
  const { width, feedForward, heads, kvHeads, decoderLayers: layers, vocabularySize: vocabulary } = shape;
  if (!existsSync(path)) {
    const sizes = { width, feedForward, heads, kvHeads, layers, vocabulary, context: source + answer + 8 };
    writeRandomGguf(`${path}.part`, sizes, type);
    renameSync(`${path}.part`, path);
  }
  const program = await openLlama(threads, setting.llamaGpu === "none" ? false : setting.llamaGpu);
  const model = await program.loadModel({
    modelPath: path,
    gpuLayers: setting.llamaGpu === "none" ? 0 : "max",
  });
  const context = await model.createContext({
    contextSize: source + answer + 8,
    batchSize: Math.max(512, source),
    sequences: batch,
    threads,
  });
  const sequences = Array.from({ length: batch }, () => context.getSequence());
  // The beginning token, then words.
  const prompt = Array.from({ length: source }, (_, at) => (at === 0 ? 1 : 259 + (at % (vocabulary - 259))));
  const generate = async (sequence) => {
    let made = 0;
    // Yields even what would end a text: every run makes as many tokens.
    for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true }))
      if (++made === answer) break;
    if (made !== answer) throw new Error(`llama.cpp made ${made} tokens, expected ${answer}`);
  };
  return rated({
    name: `llama.cpp, ${type}`,
    about: {
      device: setting.llamaGpu === "none" ? "cpu" : setting.llamaGpu,
      parameters: parametersOf(shape),
    },
    run: async () => {
      for (const sequence of sequences) await sequence.clearHistory();
      const began = performance.now();
      await Promise.all(sequences.map(generate));
      return { totalMs: performance.now() - began };
    },
    close: () => program.dispose(),
  });
}

const KINDS = {
  "encoder-decoder": async (shape) => [
    await ours("slm, encoder-decoder", shape),
    await torch(shape),
    await transformers(shape, "T5"),
  ],
  "decoder-only": async (shape) => [
    await ours("slm, decoder-only", decoderOnlyOf(shape)),
    await transformers(decoderOnlyOf(shape), "Llama"),
    await llama(decoderOnlyOf(shape)),
  ],
};
if (!Object.hasOwn(KINDS, kind))
  throw new Error(`kind is one of ${Object.keys(KINDS).join(", ")}, got ${kind}`);
await compare(
  `Generation, ${kind}, ${setting.size}, batch ${batch}, ${source} tokens in, ${answer} out`,
  setting,
  await KINDS[kind](shapeOf(setting.size)),
);
