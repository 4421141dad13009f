/** Starts Debian's Redis for tests: append-only, with a password, and also with TLS. */
import { execa } from "execa";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

export const PASSWORD = "a-password-for-these-tests";

export interface RedisServer {
  /** Without the password. */
  readonly url: string;
  readonly tlsUrl: string;
  /** Certificate authority of `tlsUrl`. */
  readonly authority: string;
  readonly client: Redis;
  /** Kills Redis with SIGKILL and restarts it with the same files. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A certificate for localhost. @returns paths of key and certificate */
async function certificate(directory: string): Promise<{ readonly key: string; readonly file: string }> {
  const [key, file] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const made = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", file];
  await execa("openssl", ["req", "-x509", ...made, ...subject]);
  return { key, file };
}

/** Starts Redis and waits until it answers. */
export async function startRedis(directory: string): Promise<RedisServer> {
  await mkdir(directory, { recursive: true });
  const { key, file } = await certificate(directory);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const options = {
    port,
    "tls-port": tlsPort,
    "tls-cert-file": file,
    "tls-key-file": key,
    "tls-ca-cert-file": file,
    "tls-auth-clients": "no",
    bind: "127.0.0.1",
    dir: directory,
    requirepass: PASSWORD,
    appendonly: "yes",
    appendfsync: "always",
    save: "",
  };
  const argv = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const client = new Redis({ host: "127.0.0.1", port, password: PASSWORD, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    server = spawn("redis-server", argv, { stdio: "ignore" });
    await Promise.race([
      client.ping(),
      sleep(20_000).then(() => Promise.reject(new Error("Redis did not start"))),
    ]);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    tlsUrl: `rediss://localhost:${tlsPort}`,
    authority: file,
    client,
    restart: async () => {
      server.kill("SIGKILL");
      await once(server, "exit");
      await start();
    },
    stop: async () => {
      client.disconnect();
      server.kill("SIGKILL");
      await once(server, "exit");
    },
  };
}
