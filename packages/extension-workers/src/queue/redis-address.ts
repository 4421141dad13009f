/** Parses the address of Redis into connection options and a display form without the password. */
import { SlmError } from "@slm/core";
import { Redis } from "ioredis";

/** Environment variables, which process lists do not show, unlike flags. */
const REDIS_URL_VARIABLE = "SLM_REDIS_URL";
export const PASSWORD_VARIABLE = "SLM_REDIS_PASSWORD";

/** Timeout of the first connection [ms]. */
const CONNECT_MS = 10_000;
/** Longest pause between reconnection attempts [ms]. */
const MAX_PAUSE_MS = 2_000;

/** Connection options for ioredis and BullMQ. Fields that are not needed are absent. */
interface ConnectionSettings {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: { servername: string };
  maxRetriesPerRequest: null;
  retryStrategy: (attempt: number) => number;
}

export interface RedisAddress {
  /** The given address, which can contain a password. */
  readonly url: string;
  /** Without user and password. */
  readonly shown: string;
  readonly options: ConnectionSettings;
}

/**
 * Reads `redis://` and, with TLS, `rediss://[user[:password]@]host[:port][/database]`. If the address has no password, SLM_REDIS_PASSWORD
 * is used. Certificates are checked; NODE_EXTRA_CA_CERTS adds certificate authorities.
 *
 * @throws SlmError USAGE for another form; the message does not repeat the address, which can contain a password
 */
export function redisAddress(
  url: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): RedisAddress {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const database = /^\/?(\d{0,5})$/u.exec(parsed?.pathname ?? "")?.[1];
  const hasTls = parsed?.protocol === "rediss:";
  if (
    parsed === undefined ||
    (!hasTls && parsed.protocol !== "redis:") ||
    database === undefined ||
    parsed.hostname === ""
  )
    throw new SlmError("USAGE", "expected an address such as redis://host:6379/0, or rediss:// with TLS", {
      suggestions: [
        "--redis redis://127.0.0.1:6379",
        `export ${REDIS_URL_VARIABLE}=rediss://redis.example:6380`,
      ],
    });
  const { hostname, port } = parsed;
  const host = hostname.replace(/^\[|\]$/gu, "");
  const options: ConnectionSettings = {
    host,
    port: Number(port || 6379),
    db: Number(database),
    // Waits for a restart of Redis without a time limit.
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), MAX_PAUSE_MS),
  };
  const username = decodeURIComponent(parsed.username);
  const password = decodeURIComponent(parsed.password) || (environment[PASSWORD_VARIABLE] ?? "");
  if (username !== "") options.username = username;
  if (password !== "") options.password = password;
  if (hasTls) options.tls = { servername: host };
  const shown = `${parsed.protocol}//${hostname}:${options.port}${database === "" ? "" : `/${database}`}`;
  return { url, shown, options };
}

/** Checks that Redis answers. @throws SlmError DEVICE_UNAVAILABLE if it does not */
export async function requireRedis({ options, shown }: RedisAddress): Promise<void> {
  const client = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let reason: unknown;
  client.on("error", (error: Error) => {
    reason ??= error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw unavailable(shown, reason ?? error);
  } finally {
    client.disconnect();
  }
}

function unavailable(shown: string, cause: unknown): SlmError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const isRefusal = /NOAUTH|WRONGPASS|invalid password/u.test(text);
  return new SlmError("DEVICE_UNAVAILABLE", `${shown}: Redis does not answer: ${text}`, {
    context: { redis: shown },
    suggestions: isRefusal ? [`export ${PASSWORD_VARIABLE}=PASSWORD`] : ["redis-server --appendonly yes"],
    cause,
  });
}
