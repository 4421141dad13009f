/** Ends a server: every answer in progress is sent, no client's request is reset, and all of it takes no longer than it may. */
import type { Server } from "node:http";
import { Server as Listener } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Connections } from "../http/connection/connections.js";
import type { ModelHost } from "../model/model-host.js";

/** A connection without a request for so long is closed: its client is not in the middle of sending one [ms]. */
const QUIET_MS = 1000;
/** Longest time for releasing models and threads after the last answer [ms]. */
const RELEASE_MS = 500;

export interface Stopped {
  /** Whether every answer in progress was sent before the end. */
  readonly drained: boolean;
}

/**
 * No new connection is taken: a client is refused, and may ask another server, rather than be reset at the end. Those that it has are
 * told that it is stopping.
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
  // The listener is closed already; this ends what Node checks of connections.
  server.close();
  server.closeAllConnections();
  await closed;
  await within(RELEASE_MS, host.close());
  return { drained };
}

/** Closes the socket that new connections come to, and no connection: `close` of an HTTP server closes idle ones, which resets requests on their way. */
async function closeListener(server: Server): Promise<void> {
  // Connections that the system has made already are taken first.
  await turn();
  await turn();
  await new Promise<void>((resolve) => {
    Listener.prototype.close.call(server, () => {
      resolve();
    });
  });
}

/** Waits for some work, but no longer than a time. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, over]).finally(() => {
    clearTimeout(timer);
  });
}
