/** Options of all functions of the library: the progress callback and the abort signal. */
import type { ProgressUpdate, StageContext } from "./progress.js";

/** A progress event. */
export type WorkEvent =
  | {
      /** Progress of a stage. */
      readonly kind: "progress";
      /** The current state of the stage. */
      readonly update: ProgressUpdate;
    }
  | {
      /** A note for the user. */
      readonly kind: "note";
      /** One sentence or several lines. */
      readonly text: string;
    };

/** Options of all long-running functions. */
export interface WorkOptions {
  /** Called with progress events. Default: no progress. */
  readonly onEvent?: ((event: WorkEvent) => void) | undefined;
  /**
   * Stops the work when aborted. The promise then rejects with an `SlmError` of code INTERRUPTED. The files on disk stay valid, and the
   * same call resumes the work.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A stage context with a function for notes. */
export interface WorkContext extends StageContext {
  readonly note: (text: string) => void;
}

/** Converts options to a stage context. @param seed seed for all random choices */
export function contextOf(options: WorkOptions, seed = 1): WorkContext {
  return {
    seed,
    signal: options.signal ?? new AbortController().signal,
    progress: (update) => options.onEvent?.({ kind: "progress", update }),
    note: (text) => options.onEvent?.({ kind: "note", text }),
  };
}

/** Options that do not affect the result. */
const NOT_RECORDED = new Set(["output", "threads", "onEvent", "signal"]);

/** The given options that affect the result, as recorded in a manifest. */
export function givenSettings(options: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && !NOT_RECORDED.has(name)),
  );
}
