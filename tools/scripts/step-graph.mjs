/**
 * Writes the graph of one training step, whole, as a provider of ONNX Runtime gets it; nothing is run.
 *
 *   npm run build && node tools/scripts/step-graph.mjs FILE.onnx [provider=cpu|cuda|webgpu|onnx] [precision=...] [key=value of tools/bench/train-step.mjs ...]
 *
 * Provider `onnx` has the operators of the standard alone, so that ONNX's own checker (tools/interop/reference/check-onnx.py) knows them.
 */
import { writeFileSync } from "node:fs";
import { encodeModel } from "@slm/onnx";
import { traceProgram } from "@slm/tensor";
import { STEP_DEFAULTS, trainStep } from "./lib/train-step.mjs";

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) throw new Error("expected the file to write");
const options = { ...STEP_DEFAULTS, provider: "cpu" };
for (const argument of rest) {
  const [key, value] = argument.split("=");
  if (!(key in options)) throw new Error(`unknown option ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = typeof options[key] === "string" ? value : Number(value);
}
const graph = traceProgram(trainStep(options).program, options.provider);
writeFileSync(file, encodeModel(graph));
process.stdout.write(`${file}: ${graph.nodes.length} nodes\n`);
