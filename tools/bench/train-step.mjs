/**
 * Measures the time of one compiled training step (forward, backward, clipping, AdamW) of an encoder-decoder.
 *
 *   npm run build && node tools/bench/train-step.mjs [key=value ...]
 *
 * Defaults: the 6.8M-parameter model (4+2 layers, width 256, vocabulary 8192), batch 16, 128 source and 64 target tokens, dense soft
 * targets. Keys include precision=float32|float16|bfloat16 (of products) and device=cpu|gpu:cuda|gpu:webgpu (for all nodes). Prints one
 * JSON line: median milliseconds, tokens/s, the fraction of the rate of one square product of size 2,048 (software adapters: 512) on the
 * same device, and peak memory.
 */
import { productRate } from "@slm/bench";
import { flopsPerToken, parameterCount } from "@slm/model";
import { createCpuRuntime, createGpuRuntime } from "@slm/runtime-node";
import { createOnnxEngine, traceProgram } from "@slm/tensor";
import { settingsOf } from "../lib/settings.mjs";
import { medianOf, STEP_DEFAULTS, takeSteps, trainStep } from "./lib/train-step.mjs";

const options = settingsOf({ ...STEP_DEFAULTS, threads: 2, device: "cpu" }, process.argv.slice(2));
const step = trainStep(options);
const { threads, device } = options;
const runtime =
  device === "cpu"
    ? await createCpuRuntime({ threads })
    : await createGpuRuntime({
        profile: device.replace(/^gpu:/u, ""),
        threads,
        fallback: false,
        whole: true,
      });
const traceStart = performance.now();
const graph = traceProgram(step.program, runtime.device.provider);
const traceMs = performance.now() - traceStart;
const { times, losses } = await takeSteps(createOnnxEngine(runtime), step);
const median = medianOf(times);
const { encoderPerSourceToken, decoderPerTargetToken } = flopsPerToken(step.config);
const { batch, source, target } = options;
// A backward pass computes two products for each of the forward pass.
const flops = 3 * batch * (source * encoderPerSourceToken + target * decoderPerTargetToken);
// A product that is large for its device. A software GPU would need a minute for the larger one.
const size = runtime.device.simulated ? 512 : 2048;
const rate = await productRate(runtime, { rows: size, inner: size, columns: size });
console.log(
  JSON.stringify({
    device: runtime.device.description,
    simulated: runtime.device.simulated,
    parameters: parameterCount(step.config),
    nodes: graph.nodes.length,
    traceMs: Math.round(traceMs),
    medianMs: Math.round(median * 10) / 10,
    tokensPerSecond: Math.round((1000 * options.batch * (options.source + options.target)) / median),
    shareOfProductRate: Number((flops / (median / 1000) / rate).toFixed(3)),
    peakRssMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    losses,
  }),
);
await runtime.close();
