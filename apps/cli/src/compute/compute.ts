/** What a run computes with. It decides how fast, not what: settings that change a result are in the stages' sections. */
import type { EngineName } from "@slm/tensor";

/** Engines that train, the default first. A list of its own, so that reading flags loads no engine. */
export const ENGINES = ["onnx", "js", "tensorflow"] as const satisfies readonly EngineName[];

export interface Compute {
  /** What trains. Exported models always run on ONNX Runtime. */
  readonly engine: EngineName;
  /** Threads one operator may use; absent: as many as there are processors. */
  readonly threads?: number | undefined;
}
