/** The interface of an optimizer: its moments, and the update of one chunk of weights. */
import type { Tensor } from "@slm/tensor";
import type { Chunk } from "../parameters/parameter-layout.js";
import type { TrainingSettings } from "../training-config.js";

type Moment = "first" | "second";

export interface UpdateContext {
  readonly chunk: Chunk;
  /** Flat, as long as the chunk. */
  readonly state: Readonly<Record<Moment, Tensor | undefined>>;
  readonly gradient: Tensor;
  /** Squared elements of the gradient, reused from the norm. */
  readonly square: Tensor;
  /** The weights after decay, from which the update is subtracted. */
  readonly kept: Tensor;
  readonly scalars: {
    readonly rate: Tensor;
    readonly stepSize: Tensor;
    readonly denominatorEpsilon: Tensor;
    /** Factor on the gradient, from clipping. */
    readonly clip: Tensor;
  };
}

export type OptimizerSettings = Pick<TrainingSettings, "optimizer">;

export interface OptimizerRule {
  readonly moments: readonly Moment[];
  readonly update: (context: UpdateContext) => Readonly<Partial<Record<Moment, Tensor>> & { value: Tensor }>;
}
