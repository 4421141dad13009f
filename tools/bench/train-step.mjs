/**
 * Time of one compiled training step (forward, backward, clipping, AdamW) of an encoder-decoder, against tokens/s.
 *
 *   npm run build && node tools/bench/train-step.mjs [key=value ...]
 *
 * Defaults: the 6.8M-parameter model (4+2 layers, width 256, vocabulary 8192), batch 16, 128 source + 64 target tokens,
 * dense soft targets. Prints one JSON line: median milliseconds, tokens/s, peak memory.
 */
import { parameterCount } from "@slm/model";
import { createCpuRuntime } from "@slm/runtime-node";
import { createOnnxEngine, traceProgram } from "@slm/tensor";
import { medianOf, STEP_DEFAULTS, takeSteps, trainStep } from "../scripts/lib/train-step.mjs";

const options = { ...STEP_DEFAULTS, threads: 2 };
for (const argument of process.argv.slice(2)) {
  const [key, value] = argument.split("=");
  if (!(key in options)) throw new Error(`unknown option ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
const step = trainStep(options);
const traceStart = performance.now();
const graph = traceProgram(step.program);
const traceMs = performance.now() - traceStart;
const runtime = await createCpuRuntime({ threads: options.threads });
const { times, losses } = await takeSteps(createOnnxEngine(runtime), step);
const median = medianOf(times);
console.log(
  JSON.stringify({
    parameters: parameterCount(step.config),
    nodes: graph.nodes.length,
    traceMs: Math.round(traceMs),
    medianMs: Math.round(median * 10) / 10,
    tokensPerSecond: Math.round((1000 * options.batch * (options.source + options.target)) / median),
    peakRssMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    losses,
  }),
);
await runtime.close();
