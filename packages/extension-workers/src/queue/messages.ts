/** What travels through Redis: which job, which files, small settings. Everything large goes through shared storage. */
import { ERROR_EXIT, SlmError, type ErrorCode } from "@slm/core";
import { z } from "zod";
import { fileRef } from "../storage/shared-files.js";
import { signature } from "./job-signature.js";

/** One queue for all jobs; their names say which body runs. */
export const QUEUE = "jobs";
/** Keys begin with this; the braces keep them on one node of a cluster. */
export const PREFIX = "{slm}";

/** Largest message [bytes]. */
const MAX_MESSAGE_BYTES = 4096;
/** Longest reason of a failure that is kept [characters]. */
const MAX_REASON = 1000;

export const jobMessage = z.strictObject({
  /** Folder of the run in shared storage. */
  run: z.string().regex(/^[a-z]+-[0-9a-f]{16,64}$/u),
  inputs: z.record(z.string(), fileRef),
  settings: z.record(z.string(), z.json()),
  /** Absent between a run and workers without a key. */
  signature: signature.optional(),
});
export type JobMessage = z.infer<typeof jobMessage>;

export const jobResult = z.strictObject({
  outputs: z.record(z.string(), fileRef),
  /** Numbers that say what was done. */
  facts: z.record(z.string(), z.json()),
  /** Units of work: tokens, rows or steps, as the kind of job counts them. */
  units: z.number().nonnegative(),
  /** Time that the body took [s]. */
  seconds: z.number().nonnegative(),
  signature: signature.optional(),
});
export type JobResult = z.infer<typeof jobResult>;

/** @throws SlmError UNEXPECTED for a message that belongs into shared storage */
export function requireSmall(value: unknown, what: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= MAX_MESSAGE_BYTES) return;
  throw new SlmError(
    "UNEXPECTED",
    `${what} has ${bytes} bytes, at most ${MAX_MESSAGE_BYTES} travel through Redis`,
  );
}

/** Why a job failed. */
export interface JobFailure {
  /** The code of an SlmError; undefined for a process that died, and for a job whose workers died again and again. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

/** An error as the reason of a failed job. */
export function failureText(error: unknown): string {
  const text =
    error instanceof SlmError
      ? `[${error.code}] ${error.message}`
      : error instanceof Error
        ? `${error.name}: ${error.message}`
        : String(error);
  return text.slice(0, MAX_REASON);
}

/** Reads the reason of a failed job. */
export function readFailure(text: string): JobFailure {
  const [, code, message] = /^\[([A-Z_]+)\] (.*)$/su.exec(text) ?? [];
  const known = Object.keys(ERROR_EXIT).find((name): name is ErrorCode => name === code);
  return known === undefined || known === "UNEXPECTED"
    ? { code: undefined, message: text.slice(0, MAX_REASON) }
    : { code: known, message: message! };
}
