/** The outcome of a job: its result, or the reason of the failure. */
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

/** Reads the outcome of a finished job. @param key of the result's signature; undefined: results are not signed */
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
      message: `job ${String(job.id)}: its worker did not return a valid result`,
    },
  };
}

/** Checks that a worker with the key signed this result for this job. */
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

/** The error of jobs for which a retry would fail again. */
export function failureError({ id, failure }: FailedJob): SlmError {
  return new SlmError(failure.code ?? "UNEXPECTED", `job ${id}: ${failure.message}`, {
    context: { job: id },
  });
}
