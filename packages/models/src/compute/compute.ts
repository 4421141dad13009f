/**
 * The engine, device and threads of a run. They change the speed. Results differ only by rounding and, with dropout, by the elements that a
 * GPU drops. Settings that are meant to change results are in the stages' sections.
 */
import { profilesOf } from "@slm/devices";
import type { EngineName } from "@slm/tensor";

/** Training engines, the default first. A separate list, so that parsing flags does not load an engine. */
export const ENGINES = ["onnx", "js", "tensorflow"] as const satisfies readonly EngineName[];

/** Training devices as written in `--device`, the default first. */
export const TRAINING_DEVICES = [
  "cpu",
  "gpu",
  ...profilesOf("gpu").map((name) => `gpu:${name}` as const),
] as const;

export type TrainingDevice = (typeof TRAINING_DEVICES)[number];

export interface Compute {
  /** Training engine. Exported models always run on ONNX Runtime. */
  readonly engine: EngineName;
  /** Training device of the engine `onnx`. Default: the CPU. */
  readonly device?: TrainingDevice | undefined;
  /** Threads that one operator may use. Default: one per CPU core. */
  readonly threads?: number | undefined;
}
