/** How an open model decodes. Graphs on a runtime and portable programs have the same shape. */
import type { RuntimeDevice } from "@slm/runtime";
import type { BatchOptions } from "../options/batch-options.js";
import type { EncodedSource } from "../options/batches.js";
import type { DecodedIds } from "../steps/timed.js";
import type { ModelDescription } from "./describe-model.js";

export interface Decoding extends ModelDescription {
  readonly device: RuntimeDevice;
  /**
   * Which sources are decoded together: any, those of equal length, or none. A batch of sources that are not decoded together is decoded in turn.
   */
  readonly together: "any" | "equal-lengths" | "none";
  /**
   * One result per source.
   *
   * @throws SlmError INTERRUPTED, and the errors of the runs
   */
  decode(batch: readonly EncodedSource[], options: BatchOptions): Promise<readonly DecodedIds[]>;
  close(): Promise<void>;
}
