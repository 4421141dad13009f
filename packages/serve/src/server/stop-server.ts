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
/** Longest time for accepting the connections that the system has completed [ms]. */
const ACCEPT_MS = 2000;
/** A turn of the event loop that leaves little time for a connection to come, and longest wait for one [ms]. */
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
 * Accepts the connections that the system has completed: it resets those that were not accepted when the listening socket closes. The event
 * loop accepts one a turn. So the socket closes right after a turn in which none came, if possible a short one.
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

/** Closes the listening socket and no connection: `close` of an HTTP server closes idle ones, which resets requests on their way. */
const closeListener = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    Listener.prototype.close.call(server, () => {
      resolve();
    });
  });

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
