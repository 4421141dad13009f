// The product's side of quantization.py: quantizes one ONNX file as the request file says, and writes what it chose.
//
//   node tools/interop/reference/quantize-static.mjs request.json
//
// Request: { model, feeds, output, activations, weights, calibration: { method, ... }, exclude, reduceRange, perChannel }
// or, for block formats, { model, output, blocks: { bits, blockSize, symmetric, method } }.
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readOnnx, writeOnnx } from "@slm/onnx";
import { readSafetensors } from "@slm/checkpoints";
import { feedsInMemory, localCollector, quantizeGraph, quantizeStatic } from "@slm/quantization";
import { createCpuRuntime } from "@slm/runtime-node";

const request = JSON.parse(readFileSync(process.argv[2], "utf8"));
const graph = await readOnnx(request.model);

async function feedsOf(directory) {
  const runs = [];
  for (const file of (await readdir(directory)).sort()) {
    runs.push(Object.fromEntries((await readSafetensors(join(directory, file))).tensors));
  }
  return feedsInMemory(runs);
}

if (request.blocks !== undefined) {
  const { bits, blockSize, symmetric, method } = request.blocks;
  const format = bits === 4 ? "int4-block" : "int8-block";
  const result = await quantizeGraph(graph, {
    format,
    blockSize,
    symmetric,
    reduceRange: false,
    method,
  });
  await writeOnnx(result.graph, request.output);
} else {
  const runtime = await createCpuRuntime({ threads: 1 });
  try {
    const { activations, weights, calibration, reduceRange, perChannel } = request;
    const result = await quantizeStatic(graph, {
      activations,
      weights,
      calibration,
      reduceRange,
      perChannel,
      collector: localCollector(runtime),
      coverage: "tool",
      normalizations: "quantized",
      exclude: new Set(request.exclude),
      feeds: await feedsOf(request.feeds),
    });
    await writeOnnx(result.graph, request.output);
  } finally {
    await runtime.close();
  }
}
