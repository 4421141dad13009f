/** Serves a self-updating page of running and finished runs, to this machine only. */
import { reportPage } from "@slm/report";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SlmError } from "@slm/core/errors";
import { runsPage } from "../runs/run-report.js";
import { addressOf, listPage, messageOf, RENEW_SECONDS } from "./list-page.js";
import { watchedRuns } from "./watched-runs.js";

/** A loopback address, so that only this machine can read the pages. */
const HOST = "127.0.0.1";

export interface WatchServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the list of runs at `/`, and each run's report at `/run/<its place in the list>`. Directories are read again for every request.
 *
 * @param port 0: a free one
 * @throws SlmError USAGE if the port is in use
 */
export async function startWatchServer(paths: readonly string[], port: number): Promise<WatchServer> {
  const server = createServer((request, response) => {
    answer(paths, server, request, response).catch((error: unknown) => {
      send(response, 500, errorPage(error));
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", (cause) => {
      failed(
        new SlmError("USAGE", `report: port ${port} of ${HOST} cannot be used: ${cause.message}`, {
          suggestions: ["--port 0 chooses a free port"],
          cause,
        }),
      );
    });
    server.listen(port, HOST, listening);
  });
  return {
    url: `http://${HOST}:${portOf(server)}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function answer(
  paths: readonly string[],
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // DNS rebinding: another site's name can resolve to this address, and the browser then sends that name.
  const own = [HOST, "localhost"].map((host) => `${host}:${portOf(server)}`);
  if (!own.includes(request.headers.host ?? "")) {
    send(response, 403, "this server answers requests from this machine only\n");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    send(response, 405, "GET only\n");
    return;
  }
  const address = request.url ?? "/";
  if (!URL.canParse(address, "http://localhost")) {
    send(response, 400, "not a valid address\n");
    return;
  }
  const { pathname } = new URL(address, "http://localhost");
  const runs = await watchedRuns(paths);
  if (pathname === "/") {
    send(response, 200, await listPage(runs), RENEW_SECONDS);
    return;
  }
  const place = /^\/run\/(\d{1,4})-/.exec(pathname)?.[1];
  const run = place === undefined ? undefined : runs.find((one) => addressOf(one, runs) === pathname);
  if (run === undefined) {
    send(response, 404, "no such run\n");
    return;
  }
  if (run.problem !== undefined) throw run.problem;
  send(response, 200, await runsPage([run.training]), run.state === "running" ? RENEW_SECONDS : undefined);
}

function send(response: ServerResponse, status: number, body: string, renewSeconds?: number): void {
  const isPage = body.startsWith("<!doctype");
  response.writeHead(status, {
    "content-type": isPage ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(renewSeconds === undefined ? {} : { refresh: String(renewSeconds) }),
  });
  response.end(body);
}

function errorPage(error: unknown): string {
  return reportPage({
    title: "This page cannot be shown",
    sections: [{ heading: "Error", text: messageOf(error) }],
  });
}
