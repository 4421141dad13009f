/** The expected logits: the training forward pass in float32, over whole targets at once. */
import { GRAPH_IO } from "@slm/exported-model";
import { throwIfInterrupted, type Progress, SlmError } from "@slm/core";
import { crossCaches, decode, encode, imageEmbeddings, outputHead, type ModelConfig } from "@slm/model";
import { type Checkpoint } from "@slm/checkpoints";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import { lengthBias, type Engine, type ProgramDefinition, type Tensor, type TensorSpec } from "@slm/tensor";
import type { CaseInputs } from "./parity-cases.js";

export interface ReferenceOptions {
  /** Runs the training forward pass. */
  readonly engine: Engine;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/**
 * Returns logits `[batch, target, vocab]` of every case. The weights stay in the engine's memory until it returns.
 *
 * @throws SlmError as the engine does, INTERRUPTED by the signal.
 */
export async function referenceLogits(
  { config, weights }: Checkpoint,
  cases: readonly CaseInputs[],
  { engine, progress, signal }: ReferenceOptions,
): Promise<readonly Float32Array[]> {
  const uploaded = new Map<string, DeviceTensor>();
  try {
    for (const [name, weight] of weights) uploaded.set(name, await engine.upload(weight));
    const logits: Float32Array[] = [];
    for (const [index, inputs] of cases.entries()) {
      if (signal !== undefined) throwIfInterrupted(signal, "export");
      progress({ stage: "export", step: index, total: cases.length, message: "running the trained model" });
      logits.push(await trainedLogits(config, uploaded, engine, inputs));
    }
    return logits;
  } finally {
    await engine.release([...uploaded.values()]);
  }
}

async function trainedLogits(
  config: ModelConfig,
  weights: ReadonlyMap<string, DeviceTensor>,
  engine: Engine,
  { sourceIds, sourceLengths, targetIds, patches }: CaseInputs,
): Promise<Float32Array> {
  const hasSource = config.architecture === "encoder-decoder";
  const ids = { [GRAPH_IO.targetIds]: targetIds };
  const source = {
    [GRAPH_IO.sourceIds]: sourceIds,
    [GRAPH_IO.sourceLengths]: sourceLengths,
    ...(patches === undefined ? {} : { [GRAPH_IO.patches]: patches }),
  };
  const feeds: Record<string, HostTensor | DeviceTensor> = {
    ...Object.fromEntries(weights),
    ...ids,
    ...(hasSource ? source : {}),
  };
  const program = await engine.compile(forwardProgram(config, feeds));
  try {
    const { fetched } = await program.run({ feeds, fetch: [GRAPH_IO.logits] });
    return floats(fetched[GRAPH_IO.logits]);
  } finally {
    await program.release();
  }
}

function forwardProgram(
  config: ModelConfig,
  feeds: Readonly<Record<string, HostTensor | DeviceTensor>>,
): ProgramDefinition {
  const inputs: Record<string, TensorSpec> = {};
  for (const [name, { dtype, shape }] of Object.entries(feeds)) {
    inputs[name] = { dtype: dtype === "int32" ? "int32" : "float32", shape };
  }
  return {
    name: "training forward pass",
    inputs,
    build: (tensors) => {
      const ids = tensors[GRAPH_IO.targetIds]!;
      if (config.architecture === "decoder-only")
        return logitsOf(config, tensors, decode(config, tensors, ids));
      const sourceIds = tensors[GRAPH_IO.sourceIds]!;
      const lengths = tensors[GRAPH_IO.sourceLengths]!;
      const { vision } = config;
      const image =
        vision === undefined ? undefined : imageEmbeddings(vision, tensors, tensors[GRAPH_IO.patches]!);
      const { states, padding } = encode(config, tensors, sourceIds, { lengths }, image);
      const cross = crossCaches(config, tensors, states);
      const bias = lengthBias({ lengths: padding.lengths, ids: states }, {});
      return logitsOf(config, tensors, decode(config, tensors, ids, { source: { cross, bias } }));
    },
  };
}

const logitsOf = (
  config: ModelConfig,
  parameters: Readonly<Record<string, Tensor>>,
  hidden: Tensor,
): Record<string, Tensor> => ({ [GRAPH_IO.logits]: outputHead(config, parameters, hidden) });

/** Returns the fetched logits as numbers. @throws SlmError SHAPE_MISMATCH if they are not float32. */
export function floats(tensor: HostTensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `export: '${GRAPH_IO.logits}' must be float32, got ${tensor?.dtype ?? "nothing"}`,
  );
}
