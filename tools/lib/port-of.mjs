/** The port that a server listens on. @throws Error if the server does not listen on a port */
export function portOf(/** @type {import("node:net").Server} */ server) {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("the server does not listen on a port");
  return address.port;
}
