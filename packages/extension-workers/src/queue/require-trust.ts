/** Decides which queues are trusted: those that only this machine can reach, and those with a password and signed jobs. */
import { isLoopback, SlmError } from "@slm/core";
import { WORKER_KEY_VARIABLE, workerKey } from "./job-signature.js";
import { PASSWORD_VARIABLE, type RedisAddress } from "./redis-address.js";

const MAKE_KEY = `export ${WORKER_KEY_VARIABLE}=$(openssl rand -hex 32)`;

export interface TrustOptions {
  /** Whether to use a queue that others can write to without a password or a key. */
  readonly insecure: boolean;
  readonly note: (text: string) => void;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Checks that a queue is trusted, before anything is sent to it.
 *
 * @returns the key that signs its jobs; undefined if there is none
 * @throws SlmError USAGE for a Redis on another machine without a password or a key, CONFIG_INVALID for a short key
 */
export function requireTrust({ shown, options }: RedisAddress, trust: TrustOptions): string | undefined {
  const key = workerKey(trust.environment);
  const isElsewhere = !isLoopback(options.host.toLowerCase());
  const hasPassword = options.password !== undefined;
  if (isElsewhere && !trust.insecure) {
    if (!hasPassword)
      throw new SlmError("USAGE", `${shown}: a Redis on an address other than loopback needs a password`, {
        suggestions: [`export ${PASSWORD_VARIABLE}=PASSWORD`, "--insecure, in a network that only you use"],
      });
    if (key === undefined)
      throw new SlmError(
        "USAGE",
        `${shown}: jobs through a Redis on an address other than loopback need a key, but ${WORKER_KEY_VARIABLE} is not set`,
        {
          suggestions: [
            `${MAKE_KEY}, the same for the run and all its workers`,
            "--insecure, in a network that only you use",
          ],
        },
      );
  }
  if (isElsewhere && !hasPassword)
    trust.note(`${shown}: it has no password, so everybody who can reach it can write to it`);
  if (key === undefined)
    trust.note(
      `jobs are not signed, so everybody who can write to ${shown} controls what workers compute (${MAKE_KEY})`,
    );
  return key;
}
