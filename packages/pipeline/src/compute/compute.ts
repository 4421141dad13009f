/**
 * The engine, device and threads of a run. They change the speed, and the result by rounding alone, or with dropout by which elements a GPU
 * drops: settings that change results on purpose are in the stages' sections.
 */
import { profilesOf } from "@slm/devices";
import type { EngineName } from "@slm/tensor";

/** Engines that train, the default first. A list of its own, so that reading flags loads no engine. */
export const ENGINES = ["onnx", "js", "tensorflow"] as const satisfies readonly EngineName[];

/** Devices that train, the default first: as `--device` takes them. */
export const TRAINING_DEVICES = [
  "cpu",
  "gpu",
  ...profilesOf("gpu").map((name) => `gpu:${name}` as const),
] as const;

export type TrainingDevice = (typeof TRAINING_DEVICES)[number];

export interface Compute {
  /** Training engine. Exported models always run on ONNX Runtime. */
  readonly engine: EngineName;
  /** Where the engine `onnx` trains. Default: the CPU. */
  readonly device?: TrainingDevice | undefined;
  /** Threads one operator may use; absent: one per CPU core. */
  readonly threads?: number | undefined;
}
