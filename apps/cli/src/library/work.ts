/** What every piece of work of the library takes: who is told how it goes, and what stops it. */
import type { ProgressUpdate, StageContext } from "@slm/core";

/** One report of work in progress. */
export type WorkEvent =
  | {
      /** A stage went on. */
      readonly kind: "progress";
      /** How far it is. */
      readonly update: ProgressUpdate;
    }
  | {
      /** Something that a person should know. */
      readonly kind: "note";
      /** One sentence, or several lines. */
      readonly text: string;
    };

/** Options of everything that takes a while. */
export interface WorkOptions {
  /** Is told how the work goes. Default: nobody is. */
  readonly onEvent?: ((event: WorkEvent) => void) | undefined;
  /**
   * Stops the work when it is aborted. The promise is then rejected with an `SlmError` of code INTERRUPTED; what is on disk is
   * valid, and the same call goes on from there.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The same as stages take it, and what tells a note. */
export interface WorkContext extends StageContext {
  readonly note: (text: string) => void;
}

/** Options in the form that stages take. @param seed seed of every random choice */
export function contextOf(options: WorkOptions, seed = 1): WorkContext {
  return {
    seed,
    signal: options.signal ?? new AbortController().signal,
    progress: (update) => options.onEvent?.({ kind: "progress", update }),
    note: (text) => options.onEvent?.({ kind: "note", text }),
  };
}

/** Options that decide how the work is done, not what it makes. */
const NOT_RECORDED = new Set(["output", "threads", "onEvent", "signal"]);

/** The options that were given and decide what is made, as a manifest records them. */
export function givenSettings(options: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && !NOT_RECORDED.has(name)),
  );
}
