/** Records one graph of a model from the functions that train it, with the lowering variants of a device. */
import { checkGraph, optimizeGraph, type Graph } from "@slm/onnx";
import { carryOf, parameterSpecs, type ModelConfig, type Parameters } from "@slm/model";
import type { Checkpoint } from "@slm/checkpoints";
import type { LexicalShortlist } from "@slm/generation";
import { Recorder, registerRecordingBackend, withLowering, withRecorder, type Tensor } from "@slm/tensor";
import { GraphSequence, type GraphInputs, type LoweringContext } from "../lowerings/context.js";
import { loweringTable } from "../lowerings/lowering-variants.js";
import type { Device } from "../settings/profiles.js";
import { fuseHorizontally } from "./horizontal-fusion.js";
import { GraphWeights } from "../weights/graph-weights.js";
import { fitHalfRange } from "../weights/half-range.js";
import { groupHeads } from "../weights/head-order.js";
import { withShortTables, type Shortlist } from "../weights/shortlist.js";
import { WeightStore } from "../weights/weight-store.js";

/** Text stored in the ONNX file next to the graph. */
export type Metadata = Readonly<Record<string, string>>;

/** A model to record graphs of. All its graphs share the weights, whose heads are in grouped order. */
export interface GraphSource<Config extends ModelConfig = ModelConfig> {
  readonly config: Config;
  readonly device: Device;
  readonly weights: WeightStore;
  /** Divisors of the inputs of norms, by the name of the gain. Default: 1. */
  readonly divisors: ReadonlyMap<string, number>;
  /** Tokens that a dynamic decoder can produce. Absent: all. */
  readonly shortlist?: Shortlist | undefined;
  /** The lexical shortlist. Absent: none. */
  readonly lexical?: LexicalShortlist | undefined;
  readonly metadata?: Metadata | undefined;
}

/**
 * Creates the source of graphs from a checkpoint.
 *
 * @param deferred whether weights are read only when they are written (see {@link WeightStore}). Default: false.
 * @param planned whether weights have no values yet, so that sums are not fitted to float16. Default: false.
 * @param shortlist tokens that the decoder can produce. Default: all.
 * @param lexical the lexical shortlist. Default: none.
 */
export function graphSource<Config extends ModelConfig>(
  checkpoint: Checkpoint & { readonly config: Config },
  device: Device,
  {
    metadata,
    deferred = false,
    planned = false,
    shortlist,
    lexical,
  }: {
    readonly metadata?: Metadata | undefined;
    readonly deferred?: boolean;
    readonly planned?: boolean;
    readonly shortlist?: Shortlist | undefined;
    readonly lexical?: LexicalShortlist | undefined;
  } = {},
): GraphSource<Config> {
  const { config, weights: own } = groupHeads(checkpoint);
  const isHalf = device.precision === "float16" || (device.precision === "float32" && device.isHalf === true);
  const { weights, divisors } =
    isHalf && !planned ? fitHalfRange(config, own) : { weights: own, divisors: new Map<string, number>() };
  const all = shortlist === undefined ? weights : withShortTables(config, weights, shortlist);
  return {
    config,
    device,
    weights: new WeightStore(all, { precision: device.precision, deferred }),
    divisors,
    shortlist,
    lexical,
    metadata,
  };
}

/** What the function that records a graph's body needs. */
export interface Recording {
  readonly recorder: Recorder;
  /** Handles of the weights, by name. A weight is stored in the graph only when a lowering uses it. */
  readonly parameters: Parameters;
  /** Stores a weight with its axes as in the checkpoint and returns the initializer's name. */
  readonly weightOf: (parameter: Tensor) => string;
  /** Declares a graph input. `shape` is its placeholder shape during recording, `dims` (default: the same) the declared one. */
  readonly input: (
    name: string,
    dtype: "float32" | "int32" | "int64" | "precision",
    shape: readonly number[],
    dims?: readonly (number | string)[],
  ) => Tensor;
  readonly output: (
    name: string,
    tensor: Tensor,
    dtype: "float32" | "precision",
    dims: readonly (number | string)[],
  ) => void;
}

export interface GraphSpec {
  readonly name: string;
  /** Longest sequence or cache that is attended [tokens]. */
  readonly positions: number;
  /** Names of graph inputs that lowerings read in addition to their op's inputs. */
  readonly biases?: GraphInputs;
}

/** Records a graph, simplifies and checks it. */
export function recordGraph(
  source: GraphSource,
  spec: GraphSpec,
  body: (recording: Recording) => void,
): Graph {
  const { device, config, metadata } = source;
  registerRecordingBackend();
  const recorder = new Recorder(spec.name, { forwardOnly: true });
  const context: LoweringContext = {
    device,
    weights: new GraphWeights(source.weights),
    positions: spec.positions,
    divisors: source.divisors,
    runsAreLong: config.architecture === "decoder-only",
    inputs: spec.biases ?? {},
    sequence: new GraphSequence(spec.biases),
  };
  withRecorder(recorder, () => {
    withLowering(loweringTable(context, device.operators), () => {
      const parameters = parameterHandles(recorder, config, source.weights);
      const weightOf = (parameter: Tensor): string =>
        context.weights.store(recorder, parameter, "as-stored").name;
      body({ ...recordingOf(recorder, source, parameters), weightOf });
    });
  });
  const { opset, irVersion } = device;
  const built = recorder.builder.build();
  const versioned = { ...built, irVersion, opsets: { ...built.opsets, "": opset } };
  const optimized = optimizeGraph(versioned);
  const joined = device.fusesHorizontally ? fuseHorizontally(optimized, context.weights) : optimized;
  const graph = { ...joined, metadata: { ...metadata } };
  checkGraph(graph);
  return graph;
}

function parameterHandles(recorder: Recorder, config: ModelConfig, weights: WeightStore): Parameters {
  const handles: Record<string, Tensor> = {};
  for (const { name, shape } of parameterSpecs(config)) {
    if (weights.has(name)) handles[name] = recorder.tensor(name, shape);
    const carry = carryOf(name.replace(/Norm\.weight$/u, ""));
    if (weights.has(carry)) handles[carry] = recorder.tensor(carry, [1]);
  }
  return handles;
}

function recordingOf(
  recorder: Recorder,
  { device }: GraphSource,
  parameters: Parameters,
): Omit<Recording, "weightOf"> {
  const { builder } = recorder;
  const { precision } = device;
  return {
    recorder,
    parameters,
    input: (name, dtype, shape, dims = shape) => {
      const stored = dtype === "precision" ? precision : dtype;
      // tfjs has no int64; the placeholder's type does not matter.
      const carried = dtype === "int32" || dtype === "int64" ? "int32" : "float32";
      return recorder.tensor(builder.input(name, stored, dims), shape, carried);
    },
    output: (name, tensor, dtype, dims) => {
      builder.output(name, recorder.nameOf(tensor), dtype === "precision" ? precision : dtype, dims);
    },
  };
}
