/** Is the exported model the trained one? Logits of the graphs against logits of the training forward pass. */
import { GRAPH_IO, throwIfInterrupted, type Progress } from "@slm/artifact";
import { SlmError } from "@slm/error";
import { crossCaches, decode, encode, outputHead, type Checkpoint, type ModelConfig } from "@slm/model";
import {
  createHostTensor,
  type DeviceTensor,
  type HostTensor,
  type Runtime,
  type Session,
} from "@slm/runtime";
import { lengthBias, type Engine, type ProgramDefinition, type Tensor, type TensorSpec } from "@slm/tensor";
import { parityInputs, paritySizes, type CaseInputs, type CaseSizes } from "./parity-cases.js";

/** Largest difference of a logit on one batch. */
export interface ParityCase {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  readonly maxAbs: number;
}

export interface ParityReport {
  readonly maxAbs: number;
  readonly cases: readonly ParityCase[];
}

/** The exported graphs, loaded. */
export interface ExportedSessions {
  readonly encoder: Session | undefined;
  readonly decoder: Session;
}

export interface ParityOptions {
  readonly runtime: Runtime;
  /** Runs the training forward pass. */
  readonly engine: Engine;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs both on every case: the graphs as generation does, a first run over several tokens and then one token at a time
 * with caches updated in place; the training forward pass over the whole target at once. Compares the logits of every
 * run with those at the same position.
 */
export async function compareLogits(
  checkpoint: Checkpoint,
  sessions: ExportedSessions,
  { runtime, engine, progress, signal }: ParityOptions,
): Promise<ParityReport> {
  const weights = new Map<string, DeviceTensor>();
  try {
    for (const [name, weight] of checkpoint.weights) weights.set(name, await engine.upload(weight));
    const all = paritySizes(checkpoint.config);
    const cases: ParityCase[] = [];
    for (const [index, sizes] of all.entries()) {
      if (signal !== undefined) throwIfInterrupted(signal, "export");
      progress({ stage: "export", step: index, total: all.length, message: "comparing logits" });
      const inputs = parityInputs(checkpoint.config, sizes);
      const expected = await trainedLogits(checkpoint.config, weights, engine, inputs);
      const actual = await exportedLogits(checkpoint.config, sessions, runtime, { sizes, inputs });
      const maxAbs = largestDifference(actual, expected, sizes);
      cases.push({ batch: sizes.batch, source: sizes.source, target: sizes.target, maxAbs });
    }
    return { maxAbs: largest(cases.map((item) => item.maxAbs)), cases };
  } finally {
    await engine.release([...weights.values()]);
  }
}

/** @throws SlmError GATE_FAILED if a logit differs by more than `limit`, or is not a number. */
export function checkParity(report: ParityReport, limit: number): void {
  if (report.maxAbs <= limit) return;
  throw new SlmError(
    "GATE_FAILED",
    `export: logits of the exported model differ by ${report.maxAbs} from the trained one, at most ${limit} is allowed`,
    {
      context: { maxAbs: report.maxAbs, limit, cases: report.cases },
      suggestions: ["if logits this large are expected, raise export.parityLimit in the recipe"],
    },
  );
}

/** Logits `[batch, target, vocab]` of the training forward pass. */
async function trainedLogits(
  config: ModelConfig,
  weights: ReadonlyMap<string, DeviceTensor>,
  engine: Engine,
  { sourceIds, sourceLengths, targetIds }: CaseInputs,
): Promise<Float32Array> {
  const hasSource = config.architecture === "encoder-decoder";
  const ids = { [GRAPH_IO.targetIds]: targetIds };
  const source = { [GRAPH_IO.sourceIds]: sourceIds, [GRAPH_IO.sourceLengths]: sourceLengths };
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
      if (config.architecture === "decoder-only") return logitsOf(tensors, decode(config, tensors, ids));
      const sourceIds = tensors[GRAPH_IO.sourceIds]!;
      const lengths = tensors[GRAPH_IO.sourceLengths]!;
      const cross = crossCaches(config, tensors, encode(config, tensors, sourceIds, { lengths }));
      const bias = lengthBias({ lengths, ids: sourceIds }, {});
      return logitsOf(tensors, decode(config, tensors, ids, { source: { cross, bias } }));
    },
  };
}

const logitsOf = (parameters: Readonly<Record<string, Tensor>>, hidden: Tensor): Record<string, Tensor> => ({
  [GRAPH_IO.logits]: outputHead(parameters, hidden),
});

/** Logits `[batch, vocab]` of the exported graphs after each run: the prefill, then every single token. */
async function exportedLogits(
  config: ModelConfig,
  { encoder, decoder }: ExportedSessions,
  runtime: Runtime,
  { sizes, inputs }: { readonly sizes: CaseSizes; readonly inputs: CaseInputs },
): Promise<readonly Float32Array[]> {
  const { batch, prefill, target } = sizes;
  const caches = await uploadCaches(config, runtime, batch, target);
  const encoded = encoder === undefined ? {} : await runEncoder(encoder, inputs);
  try {
    const results: Float32Array[] = [];
    for (let past = 0, size = prefill; past < target; past += size, size = 1) {
      const { fetched } = await decoder.run({
        feeds: {
          [GRAPH_IO.targetIds]: columns(inputs.targetIds, past, size),
          [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(past)),
          ...caches.past,
          ...encoded,
        },
        fetch: [GRAPH_IO.logits],
        into: caches.present,
      });
      results.push(floats(fetched[GRAPH_IO.logits]));
    }
    return results;
  } finally {
    await runtime.release([...Object.values(caches.past), ...Object.values(encoded)]);
  }
}

async function runEncoder(
  encoder: Session,
  { sourceIds, sourceLengths }: CaseInputs,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  const feeds = { [GRAPH_IO.sourceIds]: sourceIds, [GRAPH_IO.sourceLengths]: sourceLengths };
  return (await encoder.run({ feeds, keep: encoder.outputNames })).kept;
}

/** More room than the target takes, so that the cache's size cannot be confused with the number of tokens. */
const SPARE_POSITIONS = 3;

/** Caches full of numbers that would show in every logit if anything but written positions were read. */
async function uploadCaches(
  { decoderLayers, kvHeads, headDim }: ModelConfig,
  runtime: Runtime,
  batch: number,
  target: number,
): Promise<{ past: Record<string, DeviceTensor>; present: Record<string, DeviceTensor> }> {
  const unread = createHostTensor("float32", [batch, kvHeads, target + SPARE_POSITIONS, headDim]);
  unread.data.fill(1e6 as never);
  const past: Record<string, DeviceTensor> = {};
  const present: Record<string, DeviceTensor> = {};
  for (let layer = 0; layer < decoderLayers; layer++) {
    past[GRAPH_IO.pastKey(layer)] = present[GRAPH_IO.presentKey(layer)] = await runtime.upload(unread);
    past[GRAPH_IO.pastValue(layer)] = present[GRAPH_IO.presentValue(layer)] = await runtime.upload(unread);
  }
  return { past, present };
}

/** Columns `from` to `from + size` - 1 of an int32 matrix. */
function columns({ shape, data }: HostTensor, from: number, size: number): HostTensor {
  const [rows = 0, width = 0] = shape;
  const part = new Int32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    part.set((data as Int32Array).subarray(row * width + from, row * width + from + size), row * size);
  }
  return createHostTensor("int32", [rows, size], part);
}

/** @param actual one `[batch, vocab]` per run; @param expected `[batch, target, vocab]` */
function largestDifference(
  actual: readonly Float32Array[],
  expected: Float32Array,
  { batch, prefill, target }: CaseSizes,
): number {
  const vocabulary = expected.length / (batch * target);
  const differences = actual.flatMap((logits, run) =>
    Array.from({ length: batch }, (_, row) => {
      const start = (row * target + prefill - 1 + run) * vocabulary;
      return maxAbsDifference(
        logits.subarray(row * vocabulary, (row + 1) * vocabulary),
        expected.subarray(start, start + vocabulary),
      );
    }),
  );
  return largest(differences);
}

function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  let found = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = Math.abs(a[index]! - b[index]!);
    // NaN compares false with everything and must not be lost.
    if (!(difference <= found)) found = difference;
  }
  return found;
}

/** The largest; NaN if one is. */
const largest = (values: readonly number[]): number => Math.max(...values);

function floats(tensor: HostTensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `export: '${GRAPH_IO.logits}' must be float32, got ${tensor?.dtype ?? "nothing"}`,
  );
}
