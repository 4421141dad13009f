/** The port that a server listens on. @throws Error for a server that listens on none */
export function portOf(/** @type {import("node:net").Server} */ server) {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}
