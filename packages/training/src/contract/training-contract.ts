/** The interfaces of the training loop: objectives, dev metrics, requests and reports. */
import type { StageContext } from "@slm/core";
import type { ModelConfig, Parameters, ParameterSpec, Weights } from "@slm/model";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import type { Sample } from "@slm/report";
import type { Engine } from "@slm/tensor";
import type { RowSets } from "../data/batch-order.js";
import type { Batch, Bucket, PairLengths } from "../data/buckets.js";
import type { ModuleSettings } from "../parameters/module-training.js";
import type { Divergence } from "./divergence.js";
import type { Chunk } from "../parameters/parameter-layout.js";
import type { EarlyStop } from "../optimizer/early-stop.js";
import type { RateGroups } from "../optimizer/rate-groups.js";
import type { LossDefinition } from "../program/train-program.js";
import type { TrainingSettings } from "../training-config.js";

/** Feeds of one batch; `owned` tensors are released after it. */
export interface BatchFeeds {
  readonly feeds: Readonly<Record<string, HostTensor | DeviceTensor>>;
  readonly owned?: readonly DeviceTensor[] | undefined;
  /** Tokens in the batch, without padding. */
  readonly tokens: number;
  /** Loss tokens: a batch's weight in gradient accumulation. */
  readonly lossTokens: number;
  /** The loss variant that these feeds are for; absent for an objective with one loss. */
  readonly variant?: string | undefined;
}

/** A training objective. */
export interface Objective {
  /** The loss for batches of one bucket, in one of the variants that `feeds` names. */
  definition(bucket: Bucket, variant: string): LossDefinition;
  /**
   * Feeds for one batch. `number` counts batches from 1 and seeds all randomness. Called while the previous step computes; work that it queues
   * on the engine runs after that step.
   */
  feeds(batch: Batch, bucket: Bucket, number: number, live: LiveModel): Promise<BatchFeeds>;
  /** Auxiliary tensors that are trained but not saved with the model; their names start with `auxiliary.`. */
  readonly auxiliary?: readonly ParameterSpec[] | undefined;
}

/** The model in training, for other programs: `feeds` contains exactly its weights. */
export interface LiveModel {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly feeds: Readonly<Record<string, DeviceTensor>>;
  /** Layout of the weights in `feeds`. Default: `planChunks` of the configuration, without learning-rate groups. */
  readonly chunks?: readonly Chunk[] | undefined;
}

export interface RankedMetric {
  readonly name: string;
  readonly higherIsBetter: boolean;
}

/** A measurement on the dev split. */
export interface DevMetric {
  /** Metrics that choose the checkpoint: the first one, then on ties the next one. */
  readonly ranking: readonly [RankedMetric, ...RankedMetric[]];
  measure(live: LiveModel): Promise<Readonly<Record<string, number>>>;
  /** Answers of the last measurement to a sample of rows, always the same rows. Absent for a metric that needs no answers. */
  samples?: (() => readonly Sample[]) | undefined;
}

export interface TrainRequest {
  readonly stage: string;
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly settings: TrainingSettings & ModuleSettings;
  readonly lengths: PairLengths;
  /** More sets of rows for batches; the objective knows which. */
  readonly rowSets?: RowSets | undefined;
  readonly objective: Objective;
  readonly dev: DevMetric;
  /** Directory of state and metrics during training. */
  readonly workDirectory: string;
  /** Identifies data and settings of this run. */
  readonly key: string;
  readonly context: StageContext;
  /** Starting weights. Default: initialized from the seed. */
  readonly initial?: Weights | undefined;
  /** Change of the weights before they are measured and saved, such as rounding. It may read auxiliary tensors. Default: none. */
  readonly publish?: ((parameters: Parameters) => Parameters) | undefined;
  /** Parameters with their own learning rates. Default: all parameters follow the schedule. */
  readonly groups?: RateGroups | undefined;
}

export interface TrainReport {
  readonly weights: Weights;
  /** Steps taken; fewer than requested after early stopping. */
  readonly steps: number;
  /** Why and when the run stopped early; absent if it took all steps. */
  readonly earlyStop?: EarlyStop | undefined;
  /** Epochs of the rows of `lengths`. */
  readonly epochs: number;
  /** Epochs of the other sets of rows. */
  readonly furtherEpochs: readonly number[];
  readonly seconds: number;
  /** Tokens without padding, per second of this run. */
  readonly tokensPerSecond: number;
  /** Mean loss of the last measured steps. */
  readonly loss: number;
  /** Dev metrics of `weights`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Step of the best measurement. */
  readonly bestStep: number;
  /** Number of steps whose weights were averaged into `weights`; 1 without averaging. */
  readonly averagedSteps: readonly number[];
  /** How far the loss rose above its start; absent if the run did not diverge. */
  readonly diverged?: Divergence | undefined;
}
