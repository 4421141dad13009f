/** What jobs may do on a worker besides computing: nothing that its operator did not allow. */
import { isLoopback, SlmError } from "@slm/core";
import { z } from "zod";

export const jobPermissions = z.strictObject({
  /** Whether jobs may run the programs that they name. */
  commands: z.boolean(),
  /** Variables with keys, and the origin of the server that each may be sent to. */
  apiKeys: z.array(z.strictObject({ name: z.string(), origin: z.string() })),
});
export type JobPermissions = Readonly<z.infer<typeof jobPermissions>>;

/** Reads `NAME=ORIGIN`. @throws SlmError USAGE for another form, and for a server that a key would reach unencrypted over a network */
export function parseApiKey(text: string): JobPermissions["apiKeys"][number] {
  const [, name, address] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/u.exec(text) ?? [];
  const url = address !== undefined && URL.canParse(address) ? new URL(address) : undefined;
  if (name !== undefined && url !== undefined && isOrigin(url) && protectsKey(url))
    return { name, origin: url.origin };
  // The text is not repeated: it may hold a key.
  throw new SlmError(
    "USAGE",
    "--api-key-env: expected the name of a variable and the origin of a server (https, or http on this machine)",
    { suggestions: ["--api-key-env OPENAI_API_KEY=https://api.openai.com"] },
  );
}

const isOrigin = ({ pathname, search, hash, username, password }: URL): boolean =>
  pathname === "/" && [search, hash, username, password].every((part) => part === "");

const protectsKey = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || (protocol === "http:" && isLoopback(hostname.replace(/^\[|\]$/gu, "")));
