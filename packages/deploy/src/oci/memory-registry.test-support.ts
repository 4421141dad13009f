/** A registry in this process: blobs and manifests in maps, with the answers of the distribution API. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MemoryRegistry {
  /** Host and port. */
  readonly host: string;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, Buffer>;
  /** Set to require this `Authorization`; `/token` issues it to user `me` with password `secret`. */
  token?: string;
  /** Whether the connection breaks in the middle of a blob, or stalls. */
  harm?: (name: string) => "cut" | "stall" | undefined;
  close(): Promise<void>;
}

export async function startMemoryRegistry(): Promise<MemoryRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    void answer(registry, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const registry: MemoryRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    manifests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return registry;
}

async function answer(
  registry: MemoryRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { blobs, manifests, token, host } = registry;
  const url = new URL(request.url ?? "", `http://${host}`);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const reply = (status: number, headers: Record<string, string> = {}, text?: Buffer | string): void => {
    response.writeHead(status, headers).end(text);
  };
  if (url.pathname === "/token") {
    const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    if (request.headers.authorization !== basic) {
      reply(401);
      return;
    }
    reply(200, {}, JSON.stringify({ token }));
    return;
  }
  if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
    reply(401, {
      "www-authenticate": `Bearer realm="http://${host}/token",service="test",scope="all"`,
    });
    return;
  }
  const name = url.pathname.split("/").at(-1) ?? "";
  if (url.pathname.endsWith("/blobs/uploads/")) {
    reply(202, { location: `${url.pathname}1?state=x` });
    return;
  }
  if (url.pathname.includes("/blobs/uploads/")) {
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    if (url.searchParams.get("digest") !== digest) {
      reply(400);
      return;
    }
    blobs.set(digest, body);
    reply(201);
    return;
  }
  const shelf = url.pathname.includes("/manifests/") ? manifests : blobs;
  if (request.method === "PUT") {
    shelf.set(name, body);
    reply(201);
    return;
  }
  const found = shelf.get(name);
  if (found === undefined) {
    reply(404);
    return;
  }
  const harm = request.method === "GET" ? registry.harm?.(name) : undefined;
  if (harm !== undefined) {
    response.writeHead(200, { "content-length": found.length }).write(found.subarray(0, 10));
    if (harm === "cut") setTimeout(() => request.socket.resetAndDestroy(), 50);
    return;
  }
  reply(200, {}, request.method === "HEAD" ? undefined : found);
}
