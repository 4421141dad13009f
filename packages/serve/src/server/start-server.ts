/** Starts the server, and stops it after the answers in progress. */
import type { Server, ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { hostFilter, systemCode, SlmError } from "@slm/core";
import type { PortableParts } from "@slm/inference/portable";
import type { Runtime } from "@slm/runtime";
import { openBatchedModel } from "../model/open-batched-model.js";
import { ApiKeys } from "../http/api-keys.js";
import { createApp } from "../http/app.js";
import { Connections } from "../http/connection/connections.js";
import { connectionsFor } from "../http/connection/open-files.js";
import { ServerMetrics } from "../metrics.js";
import { ModelHost } from "../model/model-host.js";
import type { ServeConfig } from "../serve-config.js";
import { stopServer, type Stopped } from "./stop-server.js";

/** Time to send an answer, in addition to the time to compute it [ms]. */
const SEND_MS = 5000;
/** Interval at which the server looks for clients that are too slow [ms]. */
const LOOK_MS = 500;
/** Backlog of the system. It is smaller than the server's limit, so that no connection is replaced before it was read. */
const BACKLOG = 511;

interface ServeOptions {
  readonly config: ServeConfig;
  /** Directory of the bundle. Every reload reads it again. */
  readonly bundle: string;
  /** Opens what runs one model: a runtime, which the server closes, or its portable form. */
  readonly openEngine: () => Promise<Runtime | PortableParts>;
  readonly apiKeys?: readonly string[];
  readonly adminKeys?: readonly string[];
  /** Called with internal errors of the server. */
  readonly onFailure?: (error: unknown) => void;
}

export interface RunningServer {
  /** `http://host:port` */
  readonly url: string;
  readonly model: string;
  /** Reloads the bundle. @throws SlmError as loading does; the old model then stays in use. */
  reload(): Promise<void>;
  /** Rejects new requests, waits at most `drainSeconds` for answers in progress, then stops. */
  stop(): Promise<Stopped>;
}

/**
 * @throws SlmError the errors of loading the bundle; BUSY if the port is in use, USAGE if the address does not belong to this machine.
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { config, bundle, openEngine, apiKeys = [], adminKeys = [], onFailure = () => undefined } = options;
  const keys = new ApiKeys(apiKeys);
  const admin = new ApiKeys(adminKeys);
  const metrics = new ServerMetrics();
  const loop = {
    maxRows: config.maxRows,
    maxWaiting: config.maxWaiting,
    abstain: config.abstain,
    limits: config,
    onStep: (rows: number) => {
      metrics.onStep(rows);
    },
  };
  const host = await ModelHost.open(async () => {
    const engine = await openEngine();
    try {
      return await openBatchedModel(bundle, engine, loop);
    } catch (error) {
      if ("close" in engine) await engine.close();
      throw error;
    }
  });
  const isAllowedHost = hostFilter(config.host, config.allowedHosts);
  const app = createApp({ host, metrics, config, keys, adminKeys: admin, isAllowedHost, onFailure });
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: timeLimits(config) }) as Server;
  // A client that stops reading its answer keeps its connection no longer than a request may take.
  server.setTimeout(config.timeoutSeconds * 1000 + SEND_MS);
  const connections = new Connections(server, connectionsFor(config.maxConnections));
  try {
    await listen(server, config);
  } catch (error) {
    await host.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  let stopping: Promise<Stopped> | undefined;
  return {
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    model: host.current.model.name,
    reload: async () => {
      await host.reload();
      metrics.onReload();
    },
    stop: () => (stopping ??= stopServer(server, { connections, host }, config.drainSeconds)),
  };
}

/** Time limits for receiving a request. */
function timeLimits({ headerSeconds, timeoutSeconds }: ServeConfig): ServerOptions {
  const requestTimeout = timeoutSeconds * 1000;
  const headersTimeout = Math.min(headerSeconds * 1000, requestTimeout);
  return {
    requestTimeout,
    headersTimeout,
    connectionsCheckingInterval: Math.min(LOOK_MS, headersTimeout),
  };
}

async function listen(server: Server, { host, port }: ServeConfig): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((cause: unknown) => {
    const code = systemCode(cause);
    if (code === "EADDRINUSE") {
      throw new SlmError("BUSY", `serve: port ${port} of ${host} is in use`, {
        suggestions: ["--port 0"],
        cause,
      });
    }
    throw new SlmError("USAGE", `serve: cannot listen on ${host}:${port} (${code ?? "unknown"})`, { cause });
  });
}
