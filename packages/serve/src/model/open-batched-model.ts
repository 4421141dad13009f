/** Loads a bundle for serving, for ONNX graphs or for the portable form. */
import { loadGraphs, withArgmaxOutput } from "@slm/inference";
import { PortableParts } from "@slm/inference/portable";
import type { Graph } from "@slm/onnx";
import type { Runtime } from "@slm/runtime";
import { BatchLoop, type LoopObserver, type LoopOptions } from "../batching/batch-loop.js";
import type { Batch } from "../batching/batch.js";
import { GraphBatch } from "../batching/graph-batch.js";
import { perRowDecoder } from "../batching/per-row-decoder.js";
import { PortableBatch } from "../batching/portable-batch.js";
import { BatchedModel, type BatchedModelOptions, type ServedModel } from "./batched-model.js";

/**
 * Loads a bundle for serving.
 *
 * @param on the runtime for its graphs, which the model then owns, or its portable form
 * @throws SlmError INPUT_MISSING, DATA_INVALID for an incomplete bundle; OP_UNSUPPORTED for a decoder that cannot have a position per row.
 */
export async function openBatchedModel(
  directory: string,
  on: Runtime | PortableParts,
  options: LoopOptions & LoopObserver & BatchedModelOptions,
): Promise<BatchedModel> {
  const { loaded, batch } =
    on instanceof PortableParts ? ofPortable(on) : await openGraphs(directory, on, options.maxRows);
  const served = new BatchedModel(loaded, new BatchLoop(batch, options), options);
  await served.start();
  return served;
}

interface OpenedBatch {
  readonly loaded: ServedModel;
  readonly batch: Batch;
}

function ofPortable(parts: PortableParts): OpenedBatch {
  const loaded = { ...parts.description, images: undefined, close: () => Promise.resolve() };
  return { loaded, batch: new PortableBatch(parts) };
}

async function openGraphs(directory: string, runtime: Runtime, maxRows: number): Promise<OpenedBatch> {
  // A position per row, and the top-1 token of each.
  const edit = (graph: Graph): Graph => withArgmaxOutput(perRowDecoder(graph));
  const graphs = await loadGraphs(directory, runtime, { edit });
  const close = async (): Promise<void> => {
    await graphs.close();
    await runtime.close();
  };
  return {
    loaded: { ...graphs, close },
    batch: await GraphBatch.open(graphs, maxRows),
  };
}
