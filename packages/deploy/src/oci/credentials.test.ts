import { withCode } from "@slm/core/testing";
/** Which hosts receive a user's registry credentials. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseOciReference } from "./reference.js";
import { RegistryClient, registryCredentials, type Credentials } from "./registry-client.js";

const BASIC = `Basic ${Buffer.from("me:secret").toString("base64")}`;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that records every `Authorization` header. */
interface Place {
  readonly server: Server;
  readonly origin: string;
  readonly shown: (string | undefined)[];
  answer: Answer;
}

async function open(): Promise<Place> {
  const server = createServer((request, response) => {
    place.shown.push(request.headers.authorization);
    place.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place: Place = { server, origin, shown: [], answer: (_, response) => response.end("blob") };
  return place;
}

let registry: Place;
let other: Place;
beforeEach(async () => {
  [registry, other] = [await open(), await open()];
});
afterEach(() => {
  for (const { server } of [registry, other]) server.close().closeAllConnections();
});

function challenge(response: ServerResponse, text: string): void {
  response.writeHead(401, { "www-authenticate": text }).end();
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(307, { location }).end();
}

/** Fetches a blob and returns the outcome. */
async function pull(extra: Partial<Credentials> = {}): Promise<unknown> {
  const credentials = { user: "me", password: "secret", ...extra };
  const client = new RegistryClient(
    parseOciReference(`${registry.origin.slice("http://".length)}/team/model:1`),
    {
      credentials,
    },
  );
  return client.call("blobs/sha256:0", { expect: [200] }).then(
    (response) => response.text(),
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

describe("credentials of a registry", () => {
  test.each([
    ["a Basic challenge", () => 'Basic realm="files"'],
    ["a Bearer challenge of its own", () => `Bearer realm="${other.origin}/token"`],
    ["a Bearer challenge of the registry's", () => `Bearer realm="${registry.origin}/token"`],
  ])("stay there when it redirects a blob to a place that answers with %s", async (_, text) => {
    registry.answer = (_request, response) => {
      redirect(response, `${other.origin}/blob`);
    };
    other.answer = (_request, response) => {
      challenge(response, text());
    };
    expect(await pull()).toBe("USAGE");
    expect(registry.shown).toEqual([undefined]);
    expect(other.shown).toEqual([undefined]);
  });

  test("are sent to the token server in SLM_REGISTRY_REALM, and not to an address that it redirects to", async () => {
    const token = await open();
    try {
      registry.answer = ({ headers }, response) => {
        if (headers.authorization === "Bearer mine") response.end("blob");
        else challenge(response, `Bearer realm="${token.origin}/token"`);
      };
      token.answer = ({ headers }, response) => {
        if (headers.authorization === BASIC) redirect(response, `${other.origin}/stolen`);
        else response.writeHead(401).end();
      };
      other.answer = (_, response) => response.end('{"token":"mine"}');
      expect(await pull({ realm: token.origin })).toBe("blob");
      expect([token.shown, other.shown]).toEqual([[BASIC], [undefined]]);
    } finally {
      token.server.close().closeAllConnections();
    }
  });

  test.each(["file:///token", "http://[", "javascript:1"])("a realm %s is no place to ask", async (realm) => {
    registry.answer = (_, response) => {
      challenge(response, `Bearer realm="${realm}"`);
    };
    expect(await pull()).toBe("USAGE");
  });

  test("come from the environment, both or neither, and the token server must have an address", () => {
    const given = { SLM_REGISTRY_USER: "me", SLM_REGISTRY_PASSWORD: "secret" };
    expect(registryCredentials({})).toBeUndefined();
    expect(registryCredentials({ ...given, SLM_REGISTRY_REALM: "https://auth.example.com/token" })).toEqual({
      user: "me",
      password: "secret",
      realm: "https://auth.example.com",
    });
    for (const realm of ["auth.example.com", "file:///x"])
      expect(() => registryCredentials({ ...given, SLM_REGISTRY_REALM: realm })).toThrow(withCode("USAGE"));
  });
});
