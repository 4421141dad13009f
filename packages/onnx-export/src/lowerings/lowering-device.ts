/**
 * What the rows of a lowering table read of the device that graphs are made for. The forms of the ops are not in it: they are made
 * of those rows.
 */
import type { DeviceRow, Precision, ProfileName, Target } from "@slm/devices";
import type { PresentKv } from "@slm/runtime";

/** How the files of a profile are written. */
export interface FileForm {
  /** Version of ONNX's operators, and of the file format that goes with it. */
  readonly opset: number;
  readonly irVersion: number;
  /** How a decoder of dynamic sizes hands back its caches, see `model.json`. */
  readonly caches: PresentKv;
  /** Whether products of one value with several weights become one (`graphs/join-products.ts`). */
  readonly fusesHorizontally: boolean;
  /** Whether the device computes graphs of float32 in float16. */
  readonly isHalf?: boolean | undefined;
  /** Whether rotation is the fused `RotaryEmbedding` or products of halves. */
  readonly rotary: "RotaryEmbedding" | "primitives";
}

/** A row of the table of devices at a precision, and how its files are written. */
export interface LoweringDevice extends FileForm, Pick<DeviceRow, "shapes" | "fusedPositions"> {
  readonly target: Target;
  readonly profileName: ProfileName;
  readonly precision: Precision;
}
