/** The properties of a device that lowerings read. The choice of lowerings is not included, because its type depends on them. */
import type { DeviceRow, Precision, ProfileName, Target } from "@slm/devices";
import type { PresentKv } from "@slm/runtime";

/** File format of a profile. */
export interface FileForm {
  /** ONNX opset version, and the matching IR version. */
  readonly opset: number;
  readonly irVersion: number;
  /** How a dynamic decoder returns its caches, see `model.json`. */
  readonly caches: PresentKv;
  /** Whether to fuse products of one value (`graphs/horizontal-fusion.ts`). */
  readonly fusesHorizontally: boolean;
  /** Whether the device computes float32 graphs in float16. */
  readonly isHalf?: boolean | undefined;
  /** Whether RoPE is the fused `RotaryEmbedding` or products of halves. */
  readonly rotary: "RotaryEmbedding" | "primitives";
}

/** A row of the device table at a precision, with its file format. */
export interface LoweringDevice extends FileForm, Pick<DeviceRow, "shapes" | "fusedPositions"> {
  readonly target: Target;
  readonly profileName: ProfileName;
  readonly precision: Precision;
}
