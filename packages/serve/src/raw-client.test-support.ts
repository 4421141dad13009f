/** Clients that misbehave: they send raw bytes on a socket and read the answer. */
import { connect, type Socket } from "node:net";

/** Opens a connection and sends some bytes, if any. Errors of the connection are expected. */
export function openSocket(url: string, bytes = ""): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      if (bytes !== "") socket.write(bytes);
      resolve(socket);
    });
  });
}

/** Everything that the server sends before it closes the connection, or until `isEnough`. */
export function received(socket: Socket, isEnough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (isEnough(text)) resolve(text);
    });
    socket.on("close", () => {
      resolve(text);
    });
  });
}

/** Sends one raw request. @returns the status of its answer */
export async function statusOf(url: string, request: string): Promise<number> {
  const socket = await openSocket(url, request);
  const text = await received(socket, (sofar) => sofar.includes("\r\n\r\n"));
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/u.exec(text)?.[1]);
}
