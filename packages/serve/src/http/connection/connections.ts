/**
 * Manages the connections of a server: limits their number, replaces waiting connections, and closes them when the server stops.
 *
 * A new connection beyond the limit replaces a waiting one: first a connection that has never sent a complete request, then an idle one,
 * then one with an incomplete body; within each group the one that has waited longest. So half-open connections cannot lock out other
 * clients. A connection is never replaced while its answer is being computed.
 *
 * Node does the rest (`headersTimeout`, `requestTimeout`, `closeAllConnections`). Two of its functions are not enough:
 * - `maxConnections` refuses the new connection, so an attacker who opens enough of them locks everybody out.
 * - `close` and `closeIdleConnections` close an idle connection at once, which resets a request that is being sent, and they wait for
 *   connections that never send one.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What a connection waits for, in the order in which connections are replaced. */
const WAITS = ["first request", "next request", "body", "answer"] as const;
type Wait = (typeof WAITS)[number];

interface Connection {
  readonly socket: Socket;
  /** Requests that have arrived completely or in part and are not answered yet, with their responses. */
  readonly open: Map<ServerResponse, IncomingMessage>;
  hasAsked: boolean;
  /** Number of consecutive checks without a request, while the server stops. */
  quietLooks: number;
}

/** Interval at which a stopping server checks its connections [ms]. */
const LOOK_MS = 20;

export class Connections {
  readonly #most: number;
  /** Ordered by waiting time, longest first. */
  readonly #all = new Map<Socket, Connection>();
  #isDraining = false;

  /** @param most maximum number of connections */
  constructor(server: Server, most: number) {
    this.#most = most;
    server.on("connection", (socket: Socket) => {
      this.#add(socket);
    });
    server.prependListener("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.#serve(incoming, outgoing);
    });
  }

  get count(): number {
    return this.#all.size;
  }

  /** From now on every answer carries `Connection: close`. */
  drain(): void {
    this.#isDraining = true;
    for (const { open } of this.#all.values()) for (const outgoing of open.keys()) closeAfter(outgoing);
  }

  /**
   * Resolves when every connection has ended. A client may be about to send a request on a keep-alive connection, and closing it at
   * once would reset that request. So idle connections are closed only after a quiet time.
   *
   * The quiet time is measured in checks, not by the clock, because requests wait in the sockets while a process is suspended.
   *
   * @param quietMs time without a request after which a connection is closed; the signal ends the wait
   */
  async ended(quietMs: number, signal: AbortSignal): Promise<void> {
    while (this.#all.size > 0 && !signal.aborted) {
      for (const connection of this.#all.values()) {
        connection.quietLooks = waitOf(connection) === "answer" ? 0 : connection.quietLooks + 1;
        if (connection.quietLooks * LOOK_MS > quietMs) connection.socket.destroySoon();
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #add(socket: Socket): void {
    if (this.#all.size >= this.#most) this.#makeRoom();
    if (this.#all.size >= this.#most) {
      socket.destroy();
      return;
    }
    this.#all.set(socket, { socket, open: new Map(), hasAsked: false, quietLooks: 0 });
    socket.once("close", () => {
      this.#all.delete(socket);
    });
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#all.get(incoming.socket);
    if (connection === undefined) return;
    connection.open.set(outgoing, incoming);
    if (this.#isDraining) closeAfter(outgoing);
    outgoing.once("close", () => {
      connection.open.delete(outgoing);
      connection.hasAsked = true;
      connection.quietLooks = 0;
      // Moves it to the end: its wait has just started.
      if (this.#all.delete(connection.socket)) this.#all.set(connection.socket, connection);
    });
  }

  #makeRoom(): void {
    let chosen: Connection | undefined;
    let rank = WAITS.indexOf("answer");
    for (const connection of this.#all.values()) {
      const own = WAITS.indexOf(waitOf(connection));
      if (own >= rank) continue;
      [chosen, rank] = [connection, own];
      if (rank === 0) break;
    }
    if (chosen === undefined) return;
    this.#all.delete(chosen.socket);
    chosen.socket.destroy();
  }
}

function waitOf({ open, hasAsked }: Connection): Wait {
  if (open.size === 0) return hasAsked ? "next request" : "first request";
  for (const incoming of open.values()) if (incoming.complete) return "answer";
  return "body";
}

/** Sets `Connection: close`. If the head of the answer has been sent, the connection's next answer has the header. */
function closeAfter(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.shouldKeepAlive = false;
}
