/** How a run of jobs is named, and how it tells what happens. */
import { hashJson, type ProgressUpdate, type StageContext } from "@slm/core";
import type { RunOptions } from "@slm/extension-workers";

export interface NamedRun extends Pick<RunOptions, "title" | "total"> {
  /** Begins the name: small letters. */
  readonly word: string;
  /** All that the results of its jobs depend on. A run that is started again with the same goes on; another one must differ. */
  readonly dependsOn: unknown;
  /** Whose progress it reports to. */
  readonly stage: ProgressUpdate["stage"];
}

/** Digits of the hash in the name of a run. */
const DIGITS = 32;

export function runOptions(
  { word, dependsOn, stage, title, total }: NamedRun,
  { progress, signal }: Pick<StageContext, "progress" | "signal">,
): RunOptions {
  return {
    run: `${word}-${hashJson(dependsOn).slice(0, DIGITS)}`,
    title,
    total,
    signal,
    note: (message) => {
      progress({ stage, message, isNote: true });
    },
  };
}
