/**
 * The engine and threads of a run. They change the speed, not the result: settings that change results are in the stages' sections.
 */
import type { EngineName } from "@slm/tensor";

/** Engines that train, the default first. A list of its own, so that reading flags loads no engine. */
export const ENGINES = ["onnx", "js", "tensorflow"] as const satisfies readonly EngineName[];

export interface Compute {
  /** Training engine. Exported models always run on ONNX Runtime. */
  readonly engine: EngineName;
  /** Threads one operator may use; absent: one per CPU core. */
  readonly threads?: number | undefined;
}
