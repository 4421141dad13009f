/** One use of an op, kernel or loss on small inputs. */
import type { HostTensor } from "@slm/runtime";
import type { Tensor } from "../recording/tf.js";

export type Operands = Readonly<Record<string, Tensor>>;

export interface OpCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** Inputs whose gradient is checked. */
  readonly differentiable: readonly string[];
  /** The op; several outputs are concatenated. */
  readonly build: (x: Operands) => Tensor;
}
