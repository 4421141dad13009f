/** Which queues are used without further words: those that only this machine reaches, and those with a password and signed jobs. */
import { isLoopback, SlmError } from "@slm/core";
import { WORKER_KEY_VARIABLE, workerKey } from "./job-signature.js";
import { PASSWORD_VARIABLE, type RedisAddress } from "./redis-address.js";

const MAKE_KEY = `export ${WORKER_KEY_VARIABLE}=$(openssl rand -hex 32)`;

export interface TrustOptions {
  /** Whether a queue that others can write to is used without a password or a key. */
  readonly insecure: boolean;
  readonly note: (text: string) => void;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Checks that a queue may be used, before anything is sent to it.
 *
 * @returns the key that signs its jobs; undefined without one
 * @throws SlmError USAGE for a Redis on another machine without a password or a key, CONFIG_INVALID for a key that is too short
 */
export function requireTrust({ shown, options }: RedisAddress, trust: TrustOptions): string | undefined {
  const key = workerKey(trust.environment);
  const isElsewhere = !isLoopback(options.host.toLowerCase());
  const hasPassword = options.password !== undefined;
  if (isElsewhere && !trust.insecure) {
    if (!hasPassword)
      throw new SlmError(
        "USAGE",
        `${shown}: expected a password for a Redis on another address than loopback`,
        {
          suggestions: [`export ${PASSWORD_VARIABLE}=PASSWORD`, "--insecure, in a network of your own"],
        },
      );
    if (key === undefined)
      throw new SlmError(
        "USAGE",
        `${shown}: expected a key for jobs through a Redis on another address than loopback: ${WORKER_KEY_VARIABLE} is not set`,
        {
          suggestions: [
            `${MAKE_KEY}, the same for the run and all its workers`,
            "--insecure, in a network of your own",
          ],
        },
      );
  }
  if (isElsewhere && !hasPassword)
    trust.note(`${shown}: without a password, everybody who reaches it can write to it`);
  if (key === undefined)
    trust.note(
      `jobs are not signed: whoever can write to ${shown} decides what workers compute (${MAKE_KEY})`,
    );
  return key;
}
