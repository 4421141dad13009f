/** The context that every stage receives in addition to its inputs and settings: progress callback, abort signal, seed. */
import { SlmError } from "./errors/slm-error.js";

/** A progress report of a running stage. */
export interface ProgressUpdate {
  /** Name of the stage in the pipeline: data, tokenizer, teacher, distill, ... */
  readonly stage: string;
  /** Finished and total units of work. The stage defines the unit (steps, rows, files). */
  readonly step?: number | undefined;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
  /** Whether the message gets a separate line that later reports do not replace, so that the user does not miss it. */
  readonly isNote?: boolean | undefined;
  /** Numbers worth showing, such as loss or tokensPerSecond. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

export type Progress = (update: ProgressUpdate) => void;

export interface StageContext {
  readonly progress: Progress;
  /** Aborts on the first SIGINT or SIGTERM: save the state, then throw with {@link throwIfInterrupted}. */
  readonly signal: AbortSignal;
  readonly seed: number;
}

/** Discards all reports. */
export const SILENT: Progress = () => undefined;

/** Throws if the run should stop. @throws SlmError INTERRUPTED */
export function throwIfInterrupted(signal: AbortSignal, stage: string): void {
  if (!signal.aborted) return;
  if (signal.reason instanceof SlmError) throw signal.reason;
  throw new SlmError("INTERRUPTED", `${stage}: interrupted; the state on disk is valid`, {
    suggestions: ["run the same command again to resume"],
  });
}
