/** Where runs are recorded besides their own directory: experiment trackers, which extensions add. */
import { ExtensionTable } from "@slm/core";
import type { RunLog } from "./run-log.js";

/** A training run as trackers see it. */
export interface TrackedRun {
  /** Name that people see. */
  readonly name: string;
  /** Identifies the run: recording it again adds what is new. */
  readonly identity: string;
  readonly log: RunLog;
  /** Settings as a JSON value; undefined while they are unknown. */
  readonly settings: unknown;
  /** Results of the finished models by name, such as `test.exactMatch`. */
  readonly results: Readonly<Record<string, number>>;
  /** When it ended [seconds since 1970]. */
  readonly endedAt: number;
  readonly isFinished: boolean;
}

/** Where a tracker writes, as the command line says. */
export interface TrackerTarget {
  /** What follows `--track NAME=`: an address, a file or a directory. */
  readonly to: string;
  readonly experiment: string;
  /** Contains credentials, under the names that the tracker's own clients read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface Tracker {
  /** Records a run. @returns what the command's result says about it, as a JSON object */
  readonly record: (run: TrackedRun, target: TrackerTarget) => Promise<Readonly<Record<string, unknown>>>;
}

/** Trackers by name; extensions add them. */
export const TRACKERS = new ExtensionTable<Tracker>("trackers", {});
