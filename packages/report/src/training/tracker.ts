/** Experiment trackers, which record runs in addition to their own directory. Extensions add them. */
import { ExtensionTable } from "@slm/core";
import type { RunLog } from "./run-log.js";

/** A training run as trackers see it. */
export interface TrackedRun {
  /** Display name. */
  readonly name: string;
  /** Id of the run. Recording a run again adds only new points. */
  readonly identity: string;
  readonly log: RunLog;
  /** Settings as a JSON value; undefined if unknown. */
  readonly settings: unknown;
  /** Results of the finished models by name, such as `test.exactMatch`. */
  readonly results: Readonly<Record<string, number>>;
  /** End of the run [seconds since 1970]. */
  readonly endedAt: number;
  readonly isFinished: boolean;
}

/** Destination of a tracker, from the command line. */
export interface TrackerTarget {
  /** The value of `--track NAME=`: an address, a file or a directory. */
  readonly to: string;
  readonly experiment: string;
  /** Environment with credentials, under the names that the tracker's own clients use. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface Tracker {
  /** Records a run. @returns a JSON object for the result of the command */
  readonly record: (run: TrackedRun, target: TrackerTarget) => Promise<Readonly<Record<string, unknown>>>;
}

/** Trackers by name; extensions add them. */
export const TRACKERS = new ExtensionTable<Tracker>("trackers", {});
