/** How a job ended: its result, or why there is none. */
import { SlmError } from "@slm/core";
import type { Job } from "bullmq";
import { jobResult, readFailure, type JobFailure, type JobResult } from "./messages.js";

export type JobOutcome =
  | { readonly result: JobResult; readonly failure?: undefined }
  | { readonly result?: undefined; readonly failure: JobFailure };

export interface FailedJob {
  readonly id: string;
  readonly failure: JobFailure;
}

/** The outcome of a job that ended. */
export function outcomeOf(
  job: Omit<Job, "failedReason"> & { readonly failedReason?: string | undefined },
): JobOutcome {
  const { failedReason } = job;
  if (job.finishedOn !== undefined && failedReason !== undefined && failedReason !== "")
    return { failure: readFailure(failedReason) };
  const parsed = jobResult.safeParse(job.returnvalue);
  if (parsed.success) return { result: parsed.data };
  return {
    failure: {
      code: "DATA_INVALID",
      message: `job ${String(job.id)}: its worker returned something else than a result`,
    },
  };
}

/** The error of jobs that failed for a reason that another try does not change. */
export function failureError({ id, failure }: FailedJob): SlmError {
  return new SlmError(failure.code ?? "UNEXPECTED", `job ${id}: ${failure.message}`, {
    context: { job: id },
  });
}
