/**
 * Saves or reads a state of many large tensors and prints the largest number of bytes that the host had in memory at once. It is a separate
 * process, because it must run garbage collection: `node --expose-gc state-memory.mjs save|read|best FILE [pause]`.
 *
 * `pause` stops a save in the middle until the process is killed.
 */
import { planRun } from "../../dist/program/state-layout.js";
import { BestWeights } from "../../dist/state/best-weights.js";
import { LiveWeights } from "../../dist/state/live-weights.js";
import { openState, saveState, uploadState } from "../../dist/state/training-state.js";
import { trainingSettings } from "../../dist/training-config.js";
import { parameterSpecs, parseModelConfig } from "@slm/model";
import { dirname } from "node:path";

const [task, file, pause] = process.argv.slice(2);
/** 24 matrices of 1 MiB and more in weights, and as many in each moment. */
const config = parseModelConfig(
  {
    architecture: "decoder-only",
    width: 512,
    heads: 8,
    kvHeads: 8,
    headDim: 64,
    feedForward: 1024,
    decoderLayers: 4,
    maxSource: 8,
    maxTarget: 8,
    vocabularySize: 1024,
    bias: true,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  },
  "test",
);
const settings = trainingSettings.parse({ steps: 1 });
const plan = planRun(config);
const progress = {
  key: "key",
  step: 3,
  best: [],
  recent: { loss: 0, count: 0 },
  metrics: {},
};

let peak = 0;
let copied = 0;
const look = () => {
  globalThis.gc();
  peak = Math.max(peak, process.memoryUsage().arrayBuffers);
};
/** An engine with tensors that use no memory: their numbers are computed when they are read. */
const engine = {
  upload: (tensor) => {
    look();
    copied += tensor.data.byteLength;
    const { dtype, shape } = tensor;
    return Promise.resolve({ id: 0, dtype, shape });
  },
  download: async ({ dtype, shape }) => {
    look();
    const data = new Float32Array(shape[0]).fill(copied + 1);
    copied += data.byteLength;
    look();
    if (pause !== undefined && copied > 2 ** 23) {
      process.stdout.write("half\n");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
    return { dtype, shape, data };
  },
  release: () => Promise.resolve(),
};
const feeds = Object.fromEntries(
  plan.trained.flatMap((chunk) =>
    ["value", "first", "second"].map((part) => {
      const name = `state.${chunk.name}.${part}`;
      return [name, { id: 0, dtype: "float32", shape: [chunk.size] }];
    }),
  ),
);

const TASKS = {
  save: () => saveState(file, engine, { feeds }, plan.frozen, progress),
  read: async () => {
    const saved = await openState(file, plan, settings, "key");
    await uploadState(engine, plan, settings, new Map(), saved);
    await saved.close();
  },
  best: async () => {
    const ranking = [{ name: "loss", higherIsBetter: false }];
    const best = new BestWeights({ directory: dirname(file), config, limit: 1, ranking }, []);
    const live = new LiveWeights({ engine, config, settings, stage: "test" }, plan, { feeds, into: {} });
    await best.offer({ step: 3, metrics: { loss: 1 } }, (write) => live.store(write));
  },
};
const before = process.memoryUsage().arrayBuffers;
await TASKS[task]();
look();
const largest = Math.max(...parameterSpecs(config).map(({ shape }) => 4 * shape.reduce((a, b) => a * b, 1)));
process.stdout.write(`${JSON.stringify({ peak: peak - before, copied, largest })}\n`);
