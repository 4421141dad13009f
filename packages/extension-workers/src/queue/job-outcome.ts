/** How a job ended: its result, or why there is none. */
import { SlmError } from "@slm/core";
import type { Job } from "bullmq";
import { requireSignature } from "./job-signature.js";
import { failureText, jobResult, readFailure, type JobFailure, type JobResult } from "./messages.js";

export type JobOutcome =
  | { readonly result: JobResult; readonly failure?: undefined }
  | { readonly result?: undefined; readonly failure: JobFailure };

export interface FailedJob {
  readonly id: string;
  readonly failure: JobFailure;
}

/** The outcome of a job that ended. @param key that its worker signed the result with; undefined: results are not signed */
export function outcomeOf(
  key: string | undefined,
  job: Omit<Job, "failedReason"> & { readonly failedReason?: string | undefined },
): JobOutcome {
  const { failedReason } = job;
  if (job.finishedOn !== undefined && failedReason !== undefined && failedReason !== "")
    return { failure: readFailure(failedReason) };
  const parsed = jobResult.safeParse(job.returnvalue);
  if (parsed.success) return signedOutcome(key, job, parsed.data);
  return {
    failure: {
      code: "DATA_INVALID",
      message: `job ${String(job.id)}: its worker returned something else than a result`,
    },
  };
}

/** A result that a worker with the key gave for this job. */
function signedOutcome(
  key: string | undefined,
  { id, name }: { readonly id?: string | undefined; readonly name: string },
  result: JobResult,
): JobOutcome {
  const { signature, ...body } = result;
  try {
    requireSignature(key, { part: "result", kind: name, id: String(id), body }, signature);
    return { result };
  } catch (error) {
    return { failure: readFailure(failureText(error)) };
  }
}

/** The error of jobs that failed for a reason that another try does not change. */
export function failureError({ id, failure }: FailedJob): SlmError {
  return new SlmError(failure.code ?? "UNEXPECTED", `job ${id}: ${failure.message}`, {
    context: { job: id },
  });
}
