/** Starts the server, and stops it after the answers in progress. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { systemCode, SlmError } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import { loadServedModel } from "./served-model.js";
import { ApiKeys } from "./http/api-keys.js";
import { createApp } from "./http/app.js";
import { ServerMetrics } from "./metrics.js";
import { ModelHost } from "./model-host.js";
import type { ServeConfig } from "./serve-config.js";

interface ServerOptions {
  readonly config: ServeConfig;
  /** Directory of the bundle; read again by every reload. */
  readonly bundle: string;
  /** A runtime for one model, which the server closes. */
  readonly openRuntime: () => Promise<Runtime>;
  readonly apiKeys?: readonly string[];
  readonly adminKeys?: readonly string[];
  /** Called with internal errors of the server. */
  readonly onFailure?: (error: unknown) => void;
}

export interface RunningServer {
  /** `http://host:port` */
  readonly url: string;
  readonly model: string;
  /** Reloads the bundle. @throws SlmError as loading does; the old model then stays. */
  reload(): Promise<void>;
  /** Rejects new requests, waits at most `drainSeconds` for answers in progress, and stops. */
  stop(): Promise<{ readonly drained: boolean }>;
}

/**
 * @throws SlmError what loading the bundle throws; BUSY if the port is taken, USAGE for an address that is not this machine's.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, bundle, openRuntime, apiKeys = [], adminKeys = [], onFailure = () => undefined } = options;
  const keys = new ApiKeys(apiKeys);
  const admin = new ApiKeys(adminKeys);
  const metrics = new ServerMetrics();
  const loop = {
    maxRows: config.maxRows,
    maxWaiting: config.maxWaiting,
    abstain: config.abstain,
    onStep: (rows: number) => {
      metrics.onStep(rows);
    },
  };
  const host = await ModelHost.open(async () => {
    const runtime = await openRuntime();
    try {
      return await loadServedModel(bundle, runtime, loop);
    } catch (error) {
      await runtime.close();
      throw error;
    }
  });
  const app = createApp({ host, metrics, config, keys, adminKeys: admin, onFailure });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  // A slow client holds a connection no longer than the time limit of a request.
  server.requestTimeout = config.timeoutSeconds * 1000;
  server.headersTimeout = Math.min(config.timeoutSeconds * 1000, 60_000);
  try {
    await listen(server, config);
  } catch (error) {
    await host.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    model: host.current.model.name,
    reload: async () => {
      await host.reload();
      metrics.onReload();
    },
    stop: () => stopServer(server, host, config.drainSeconds),
  };
}

async function listen(server: Server, { host, port }: ServeConfig): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((cause: unknown) => {
    const code = systemCode(cause);
    if (code === "EADDRINUSE") {
      throw new SlmError("BUSY", `serve: port ${port} of ${host} is taken`, {
        suggestions: ["--port 0"],
        cause,
      });
    }
    throw new SlmError("USAGE", `serve: cannot listen on ${host}:${port} (${code ?? "unknown"})`, { cause });
  });
}

async function stopServer(
  server: Server,
  host: ModelHost,
  drainSeconds: number,
): Promise<{ drained: boolean }> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  server.closeIdleConnections();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, drainSeconds * 1000, false);
  });
  const isDone = host.drain().then(async () => {
    // All answers are finished; sockets that have sent theirs are idle.
    const closing = setInterval(() => {
      server.closeIdleConnections();
    }, 20);
    await closed;
    clearInterval(closing);
    return true as const;
  });
  const drained = await Promise.race([isDone, late]);
  clearTimeout(timer);
  server.closeAllConnections();
  if (drained) await host.close();
  else await Promise.race([host.close(), new Promise((resolve) => setTimeout(resolve, 1000))]);
  return { drained };
}
