import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { LOOPBACK_CERTIFICATE } from "./loopback-certificate.js";

/** A server on loopback that records all requests. */
export interface FetchServer {
  readonly origin: string;
  readonly port: number;
  /** Request lines and headers, one text per request. */
  readonly seen: string[];
  handle: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Starts a server that answers "hello" until a test changes it. */
export async function startFetchServer({ tls = false } = {}): Promise<FetchServer> {
  const listener: RequestListener = (request, response) => {
    started.seen.push([request.method, request.url, ...request.rawHeaders].join(" "));
    started.handle(request, response);
  };
  const server = tls ? createTlsServer(LOOPBACK_CERTIFICATE, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const started: FetchServer = {
    origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    seen: [],
    handle: (_, response) => response.end("hello"),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
  return started;
}
