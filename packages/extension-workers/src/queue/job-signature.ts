/**
 * Signatures of jobs and results. A run and its workers share a key that is not in Redis or the storage, so write access to these is not
 * enough to forge a job or a result. Signatures also cover files, because a job names them by their SHA-256.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalJson, SlmError } from "@slm/core";
import { z } from "zod";

/** Environment variable with the key that a run and its workers share. */
export const WORKER_KEY_VARIABLE = "SLM_WORKER_KEY";

/** Shortest key [characters]. */
const MIN_KEY = 32;

/** HMAC-SHA256 as hexadecimal digits. */
export const signature = z.string().regex(/^[0-9a-f]{64}$/u);

/** The signed content. */
export interface Signed {
  /** Prevents the use of a result's signature for a job. */
  readonly part: "job" | "result";
  /** Kind of the job. */
  readonly kind: string;
  /** Name of the job in the queue. It begins with the run's name. */
  readonly id: string;
  /** Message or result, without its signature. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Reads the key from the environment; undefined if it is not set. @throws SlmError CONFIG_INVALID for a key of fewer than 32 characters */
export function workerKey(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const key = environment[WORKER_KEY_VARIABLE]?.trim() ?? "";
  if (key === "") return undefined;
  if (key.length >= MIN_KEY) return key;
  throw new SlmError(
    "CONFIG_INVALID",
    `${WORKER_KEY_VARIABLE}: expected at least ${MIN_KEY} characters, got ${key.length}`,
    { suggestions: [`export ${WORKER_KEY_VARIABLE}=$(openssl rand -hex 32)`] },
  );
}

/** HMAC-SHA256 of the canonical JSON. @returns undefined without a key */
export function signatureOf(key: string | undefined, { part, kind, id, body }: Signed): string | undefined {
  if (key === undefined) return undefined;
  return createHmac("sha256", key).update(canonicalJson({ part, kind, id, body })).digest("hex");
}

/**
 * Checks a signature in constant time. Without a key only unsigned content is accepted.
 *
 * @throws SlmError CONFIG_INVALID if the signature is missing, or made with another key or for other content
 */
export function requireSignature(key: string | undefined, signed: Signed, given: string | undefined): void {
  const wanted = signatureOf(key, signed);
  if (wanted === undefined && given === undefined) return;
  if (wanted === undefined) throw refused(signed, `it is signed, but ${WORKER_KEY_VARIABLE} is not set here`);
  if (given === undefined) throw refused(signed, "it is not signed");
  const [expected, got] = [Buffer.from(wanted, "hex"), Buffer.from(given, "hex")];
  if (expected.length !== got.length || !timingSafeEqual(expected, got))
    throw refused(signed, "it was signed with another key, or changed after it was signed");
}

const refused = ({ part, kind, id }: Signed, reason: string): SlmError =>
  new SlmError("CONFIG_INVALID", `${part} ${id} of kind '${kind}' was rejected: ${reason}`, {
    context: { job: id },
    suggestions: [`export ${WORKER_KEY_VARIABLE}=KEY, the same for the run and all its workers`],
  });
