/** What jobs are allowed to do on a worker in addition to computing. The default is nothing. */
import { isLoopback, SlmError } from "@slm/core";
import { z } from "zod";

export const jobPermissions = z.strictObject({
  /** Whether jobs can run the programs that they name. */
  commands: z.boolean(),
  /** Variables with API keys, and the server origin to which each key can be sent. */
  apiKeys: z.array(z.strictObject({ name: z.string(), origin: z.string() })),
});
export type JobPermissions = Readonly<z.infer<typeof jobPermissions>>;

/** Reads `NAME=ORIGIN`. @throws SlmError USAGE for another form, and for a remote server without TLS */
export function parseApiKey(text: string): JobPermissions["apiKeys"][number] {
  const [, name, address] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/u.exec(text) ?? [];
  const url = address !== undefined && URL.canParse(address) ? new URL(address) : undefined;
  if (name !== undefined && url !== undefined && isOrigin(url) && protectsKey(url))
    return { name, origin: url.origin };
  // The message does not repeat the text, which could contain a key.
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
