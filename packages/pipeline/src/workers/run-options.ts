/** The name of a run of jobs, and how it reports progress. */
import { hashJson, type ProgressUpdate, type StageContext } from "@slm/core";
import type { RunOptions } from "@slm/extension-workers";

export interface NamedRun extends Pick<RunOptions, "title" | "total"> {
  /** Prefix of the name, in lower case. */
  readonly word: string;
  /**
   * Everything that the results of its jobs depend on. A run that starts again with the same values resumes; other runs must have different
   * values.
   */
  readonly dependsOn: unknown;
  /** The context that receives its progress. */
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
