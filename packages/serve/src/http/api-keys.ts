/** Stores API keys of clients and of the administrator as hashes, and compares them in constant time. */
import { createHash, timingSafeEqual } from "node:crypto";
import { SlmError } from "@slm/core";

/** Minimum length of a key, so that it cannot be guessed [characters]. */
const SHORTEST_KEY = 16;

export class ApiKeys {
  readonly #hashes: readonly Buffer[];

  /** @throws SlmError USAGE for a key that is too short. */
  constructor(keys: readonly string[]) {
    for (const key of keys) {
      if (key.length < SHORTEST_KEY) {
        throw new SlmError(
          "USAGE",
          `serve: an API key needs at least ${SHORTEST_KEY} characters, got ${key.length}`,
          {
            suggestions: ["openssl rand -hex 32"],
          },
        );
      }
    }
    this.#hashes = keys.map(hash);
  }

  get isEmpty(): boolean {
    return this.#hashes.length === 0;
  }

  /** Whether an `Authorization` header carries one of the keys. */
  allows(authorization: string | undefined): boolean {
    const key = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (key === undefined) return false;
    const given = hash(key);
    // Every key is compared, so that the response time does not reveal a partial match.
    return this.#hashes.filter((known) => timingSafeEqual(known, given)).length > 0;
  }
}

function hash(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
