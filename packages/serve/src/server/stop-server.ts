/** Stops a server within a time limit: sends every answer in progress, and does not reset requests. */
import type { Server } from "node:http";
import { Server as Listener } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Connections } from "../http/connection/connections.js";
import type { ModelHost } from "../model/model-host.js";

/** A connection is closed after this time without a request, because its client is unlikely to be sending one [ms]. */
const QUIET_MS = 1000;
/** Longest time for releasing models and threads after the last answer [ms]. */
const RELEASE_MS = 500;
/** Longest time for accepting connections that the system has already established [ms]. */
const ACCEPT_MS = 2000;
/** Duration of a short turn of the event loop, in which a connection is unlikely to arrive; and the longest wait for such a turn [ms]. */
const [SHORT_TURN_MS, SHORT_WAIT_MS] = [1, 100];

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
  const idle = host.drain();
  await acceptMade(server, late.signal);
  const closed = closeListener(server);
  const drained = await Promise.race([
    over,
    idle.then(() => connections.ended(QUIET_MS, late.signal)).then(() => !late.signal.aborted),
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

/**
 * Accepts connections that the system has already established, because closing the listening socket resets connections that were not accepted.
 * The event loop accepts one connection per turn. So the socket closes right after a turn without a new connection, if possible a short turn.
 */
async function acceptMade(server: Server, late: AbortSignal): Promise<void> {
  let accepted = 0;
  const count = (): void => void accepted++;
  server.on("connection", count);
  // The first turn may end before the event loop has looked for connections.
  await turn();
  const began = performance.now();
  for (let isOver = false; !isOver;) {
    const [before, turned] = [accepted, performance.now()];
    await turn();
    const now = performance.now();
    const isShort = now - turned < SHORT_TURN_MS || now - began > SHORT_WAIT_MS;
    isOver = (accepted === before && isShort) || now - began > ACCEPT_MS || late.aborted;
  }
  server.off("connection", count);
}

/** Closes only the listening socket. `close` of an HTTP server also closes idle connections, which resets requests in transit. */
const closeListener = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    Listener.prototype.close.call(server, () => {
      resolve();
    });
  });

/** Waits for work to finish, up to a time limit. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, over]).finally(() => {
    clearTimeout(timer);
  });
}
