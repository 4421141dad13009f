/**
 * Signatures of jobs and results. A run and its workers share a key that neither Redis nor the storage holds, so whoever can write there can make
 * up neither a job nor a result. Files are covered too: a job names them by their SHA-256.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalJson, SlmError } from "@slm/core";
import { z } from "zod";

/** Variable with the key that a run and its workers share. */
export const WORKER_KEY_VARIABLE = "SLM_WORKER_KEY";

/** Shortest key [characters]. */
const MIN_KEY = 32;

/** HMAC-SHA256 as hexadecimal digits. */
export const signature = z.string().regex(/^[0-9a-f]{64}$/u);

/** What a signature holds for. */
export interface Signed {
  /** A result cannot stand for a job. */
  readonly part: "job" | "result";
  /** Kind of the job. */
  readonly kind: string;
  /** Name of the job in the queue. It begins with that of its run. */
  readonly id: string;
  /** Message or result, without its signature. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** The key of the environment; undefined without one. @throws SlmError CONFIG_INVALID for a key of fewer than 32 characters */
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
 * Checks a signature, in a time that does not depend on where it differs. Without a key only what is not signed is taken.
 *
 * @throws SlmError CONFIG_INVALID if it is missing, of another key, or of something else
 */
export function requireSignature(key: string | undefined, signed: Signed, given: string | undefined): void {
  const wanted = signatureOf(key, signed);
  if (wanted === undefined && given === undefined) return;
  if (wanted === undefined) throw refused(signed, `it is signed, and ${WORKER_KEY_VARIABLE} is not set here`);
  if (given === undefined) throw refused(signed, "it is not signed");
  const [expected, got] = [Buffer.from(wanted, "hex"), Buffer.from(given, "hex")];
  if (expected.length !== got.length || !timingSafeEqual(expected, got))
    throw refused(signed, "it was signed with another key, or changed after that");
}

const refused = ({ part, kind, id }: Signed, reason: string): SlmError =>
  new SlmError("CONFIG_INVALID", `${part} ${id} of kind '${kind}' is refused: ${reason}`, {
    context: { job: id },
    suggestions: [`export ${WORKER_KEY_VARIABLE}=KEY, the same for the run and all its workers`],
  });
