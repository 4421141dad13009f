/** Messages in Redis: the kind of job, references to files, small settings. Larger data go through shared storage. */
import { ERROR_EXIT, SlmError, type ErrorCode } from "@slm/core";
import { z } from "zod";
import { fileRef } from "../storage/shared-files.js";
import { signature } from "./job-signature.js";

/** One queue for all jobs. A job's name selects the body. */
export const QUEUE = "jobs";
/** Prefix of all keys. The braces keep them on one node of a cluster. */
export const PREFIX = "{slm}";

/** Largest message [bytes]. */
const MAX_MESSAGE_BYTES = 4096;
/** Longest stored reason of a failure [characters]. */
const MAX_REASON = 1000;

export const jobMessage = z.strictObject({
  /** Folder of the run in shared storage. */
  run: z.string().regex(/^[a-z]+-[0-9a-f]{16,64}$/u),
  inputs: z.record(z.string(), fileRef),
  settings: z.record(z.string(), z.json()),
  /** Absent if the run and its workers have no key. */
  signature: signature.optional(),
});
export type JobMessage = z.infer<typeof jobMessage>;

export const jobResult = z.strictObject({
  outputs: z.record(z.string(), fileRef),
  /** Statistics of the job. */
  facts: z.record(z.string(), z.json()),
  /** Units of work: tokens, rows or steps, depending on the kind of job. */
  units: z.number().nonnegative(),
  /** Duration of the body [s]. */
  seconds: z.number().nonnegative(),
  signature: signature.optional(),
});
export type JobResult = z.infer<typeof jobResult>;

/** @throws SlmError UNEXPECTED for a message that is too large for Redis */
export function requireSmall(value: unknown, what: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= MAX_MESSAGE_BYTES) return;
  throw new SlmError("UNEXPECTED", `${what} has ${bytes} bytes, the limit for Redis is ${MAX_MESSAGE_BYTES}`);
}

/** Why a job failed. */
export interface JobFailure {
  /** The code of an SlmError; undefined if the process, or too many workers, died. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

/** Formats an error as the reason of a failed job. */
export function failureText(error: unknown): string {
  const text =
    error instanceof SlmError
      ? `[${error.code}] ${error.message}`
      : error instanceof Error
        ? `${error.name}: ${error.message}`
        : String(error);
  return text.slice(0, MAX_REASON);
}

/** Parses the reason of a failed job. */
export function readFailure(text: string): JobFailure {
  const [, code, message] = /^\[([A-Z_]+)\] (.*)$/su.exec(text) ?? [];
  const known = Object.keys(ERROR_EXIT).find((name): name is ErrorCode => name === code);
  return known === undefined || known === "UNEXPECTED"
    ? { code: undefined, message: text.slice(0, MAX_REASON) }
    : { code: known, message: message! };
}
