/** The interfaces of the training loop: objectives, dev metrics, requests and reports. */
import type { StageContext } from "@slm/core";
import type { ModelConfig, ParameterSpec, Weights } from "@slm/model";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import type { Sample } from "@slm/report";
import type { Engine } from "@slm/tensor";
import type { RowSets } from "./batch-order.js";
import type { Batch, Bucket, PairLengths } from "./buckets.js";
import type { ModuleSettings } from "./module-training.js";
import type { Divergence } from "./divergence.js";
import type { Chunk } from "./parameter-layout.js";
import type { RateGroups } from "./rate-groups.js";
import type { LossDefinition } from "./train-program.js";
import type { TrainingSettings } from "./training-config.js";

/** Feeds of one batch; `owned` tensors are released after it. */
export interface BatchFeeds {
  readonly feeds: Readonly<Record<string, HostTensor | DeviceTensor>>;
  readonly owned?: readonly DeviceTensor[] | undefined;
  /** Tokens the batch computes, padding excluded. */
  readonly tokens: number;
  /** Loss tokens: a batch's weight in gradient accumulation. */
  readonly lossTokens: number;
  /** The variant of the objective's loss that these feeds are for; absent for an objective with one loss. */
  readonly variant?: string | undefined;
}

/** A training objective. */
export interface Objective {
  /** The loss for batches of one bucket, in one of the variants that `feeds` names. */
  definition(bucket: Bucket, variant: string): LossDefinition;
  /**
   * Feeds for one batch. `number` counts batches from 1 and seeds all randomness. Called while the previous step computes; work that
   * it queues on the engine runs after that step.
   */
  feeds(batch: Batch, bucket: Bucket, number: number, live: LiveModel): Promise<BatchFeeds>;
  /**
   * Scalar inputs of the loss that depend on the progress of the run, by name: a pure function of the step and of the dev metrics last
   * measured before it (none before the first measurement). Both belong to the state of a run, so a resumed run has the same.
   */
  scalars?:
    | ((step: number, metrics: Readonly<Record<string, number>>) => Readonly<Record<string, number>>)
    | undefined;
  /** Auxiliary tensors that are trained but not saved with the model; names start with `auxiliary.`. */
  readonly auxiliary?: readonly ParameterSpec[] | undefined;
}

/** The model in training, for use by other programs: `feeds` are exactly its weights. */
export interface LiveModel {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly feeds: Readonly<Record<string, DeviceTensor>>;
  /** How the weights lie in `feeds`. Default: `planChunks` of the configuration, as without learning-rate groups. */
  readonly chunks?: readonly Chunk[] | undefined;
}

export interface RankedMetric {
  readonly name: string;
  readonly higherIsBetter: boolean;
}

/** A measurement on the dev split. */
export interface DevMetric {
  /** What chooses the checkpoint: the first metric; where it is equal, the next one. */
  readonly ranking: readonly [RankedMetric, ...RankedMetric[]];
  measure(live: LiveModel): Promise<Readonly<Record<string, number>>>;
  /** Some rows with the answers of the last measurement, the same rows each time; absent for a metric that needs no answers. */
  samples?: (() => readonly Sample[]) | undefined;
}

export interface TrainRequest {
  readonly stage: string;
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly settings: TrainingSettings & ModuleSettings;
  readonly lengths: PairLengths;
  /** Further sets of rows that batches may be from; the objective knows which. */
  readonly rowSets?: RowSets | undefined;
  readonly objective: Objective;
  readonly dev: DevMetric;
  /** Directory of state and metrics during training. */
  readonly workDirectory: string;
  /** Identifies data and settings of this run. */
  readonly key: string;
  readonly context: StageContext;
  /** Starting weights; drawn from the seed when absent. */
  readonly initial?: Weights | undefined;
  /** Parameters with learning rates of their own. Default: every parameter has the schedule's. */
  readonly groups?: RateGroups | undefined;
}

/** What a part of a run did. */
export interface SegmentReport {
  /** Steps of the run so far. */
  readonly step: number;
  /** Steps of this call. */
  readonly steps: number;
  /** Mean loss of the last measured steps; absent before any. */
  readonly loss?: number | undefined;
  /** Dev metrics measured last. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Tokens of this call, padding excluded. */
  readonly tokens: number;
  readonly seconds: number;
}

export interface TrainReport {
  readonly weights: Weights;
  /** Steps taken; fewer than requested after early stopping. */
  readonly steps: number;
  /** Epochs of the rows of `lengths`. */
  readonly epochs: number;
  /** Epochs of the further sets of rows. */
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
  /** Steps whose weights were averaged into `weights`; one step without averaging. */
  readonly averagedSteps: readonly number[];
  /** How far the loss rose above its start; absent for a run that did not diverge. */
  readonly diverged?: Divergence | undefined;
}
