/** Stops a server: sends every answer in progress, resets no request, and keeps to the time limit. */
import type { Server } from "node:http";
import { Server as Listener } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Connections } from "../http/connection/connections.js";
import type { ModelHost } from "../model/model-host.js";

/** A connection without a request for this long is closed, because its client is not about to send one [ms]. */
const QUIET_MS = 1000;
/** Longest time for releasing models and threads after the last answer [ms]. */
const RELEASE_MS = 500;

export interface Stopped {
  /** Whether every answer in progress was sent before the end. */
  readonly drained: boolean;
}

/**
 * New connections are refused at once, so that clients can try another server instead of being reset later. Clients of open connections
 * are told that the server is stopping.
 *
 * @param drainSeconds longest wait for answers in progress
 */
export async function stopServer(
  server: Server,
  { connections, host }: { readonly connections: Connections; readonly host: ModelHost },
  drainSeconds: number,
): Promise<Stopped> {
  const late = new AbortController();
  const over = new Promise<false>((resolve) => {
    late.signal.addEventListener("abort", () => {
      resolve(false);
    });
  });
  const timer = setTimeout(() => {
    late.abort();
  }, drainSeconds * 1000);
  connections.drain();
  const closed = closeListener(server);
  const drained = await Promise.race([
    over,
    host
      .drain()
      .then(() => connections.ended(QUIET_MS, late.signal))
      .then(() => !late.signal.aborted),
  ]);
  clearTimeout(timer);
  late.abort();
  // The listener is already closed. This ends Node's own checks of connections.
  server.close();
  server.closeAllConnections();
  await closed;
  await within(RELEASE_MS, host.close());
  return { drained };
}

/** Closes only the listening socket. `close` of an HTTP server also closes idle connections, which resets requests being sent. */
async function closeListener(server: Server): Promise<void> {
  // First accept the connections that the system has already established.
  await turn();
  await turn();
  await new Promise<void>((resolve) => {
    Listener.prototype.close.call(server, () => {
      resolve();
    });
  });
}

/** Waits for some work, up to a time limit. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, over]).finally(() => {
    clearTimeout(timer);
  });
}
