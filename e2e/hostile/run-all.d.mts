/** Types of `run-all.mjs`, for tests. */
export function readHostile(index: number): Promise<{
  readonly what: string;
  readonly outcome: string;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** Why this is a failure; undefined for none. */
  readonly problem: string | undefined;
}>;
