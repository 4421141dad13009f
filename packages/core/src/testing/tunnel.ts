import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

/** A proxy on loopback that connects clients to one server, whichever host they request. */
export interface Tunnel {
  readonly address: string;
  /** The requests that it received: `CONNECT host:port` and headers. */
  readonly seen: string[];
  close(): Promise<void>;
}

/** Starts a proxy in front of a server on loopback. */
export async function startTunnel(upstream: number): Promise<Tunnel> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    seen.push([request.method, request.url, ...request.rawHeaders].join(" "));
    response.writeHead(405).end();
  });
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    seen.push([request.method, request.url, ...request.rawHeaders].join(" "));
    const behind = connect(upstream, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(behind).pipe(client);
    });
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
