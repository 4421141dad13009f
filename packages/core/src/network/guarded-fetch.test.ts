import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { guardedFetch, type FetchGuard } from "./guarded-fetch.js";
import { NetworkError, SilenceError } from "./network-error.js";
import { startFetchServer, startTunnel, type FetchServer } from "../testing/index.js";

type Handler = FetchServer["handle"];

async function started<Server extends { readonly close: () => Promise<void> }>(
  starting: Promise<Server>,
): Promise<Server> {
  const server = await starting;
  onTestFinished(() => server.close());
  return server;
}

let own: FetchServer;
let other: FetchServer;
beforeEach(async () => {
  [own, other] = [await startFetchServer(), await startFetchServer()];
});
afterEach(async () => {
  await own.close();
  await other.close();
});

/** The secrets in each request that a server received. */
const secretsOf = ({ seen }: FetchServer): string[] =>
  seen.map((text) => ["Bearer secret", "key=secret"].filter((one) => text.includes(one)).join(" "));

/** Requests the own server's root. */
const ask = (guard: Partial<FetchGuard> = {}, init?: RequestInit): Promise<Response> =>
  guardedFetch({ origin: own.origin, ...guard })(own.origin, init);

const secrets = { authorization: "Bearer secret", cookie: "key=secret" };
const redirect = (response: ServerResponse, location: string, status = 302): void => {
  response.writeHead(status, { location }).end();
};
const redirectTo =
  (location: string, status = 302): Handler =>
  (_, response) => {
    redirect(response, location, status);
  };

describe("credentials", () => {
  test("are not sent to another origin that is requested directly, for example by a Link header", async () => {
    const send = guardedFetch({ origin: own.origin });
    await (await send(`${other.origin}/page2`, { headers: secrets })).text();
    expect(secretsOf(other)).toEqual([""]);
  });

  test.each([301, 302, 303, 307, 308])("do not follow a redirect %i to another origin", async (status) => {
    own.handle = redirectTo(`${other.origin}/blob`, status);
    const response = await ask({}, { headers: secrets });
    expect(await response.text()).toBe("hello");
    expect(response.url).toBe(`${other.origin}/blob`);
    expect([secretsOf(own), secretsOf(other)]).toEqual([["Bearer secret key=secret"], [""]]);
  });

  test("are sent again to their origin if another origin redirects back", async () => {
    own.handle = ({ url }, response) => {
      if (url === "/end") response.end("end");
      else redirect(response, `${other.origin}/`);
    };
    other.handle = redirectTo(`${own.origin}/end`);
    const response = await ask({}, { headers: secrets });
    expect(await response.text()).toBe("end");
    expect(secretsOf(other)).toEqual([""]);
  });

  test.each([
    ["another port of the same host", () => other.origin],
    ["another name of the same machine", () => own.origin.replace("127.0.0.1", "localhost")],
    ["an address with a user of its own", () => other.origin.replace("://", "://user:password@")],
  ])("are not sent to %s", async (_, target) => {
    own.handle = ({ headers }, response) => {
      if (headers.host?.startsWith("localhost") === true) response.end("hello");
      else redirect(response, target());
    };
    await (await ask({}, { headers: secrets })).text();
    expect([...secretsOf(own).slice(1), ...secretsOf(other)].join("")).toBe("");
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])(
    "a redirect of %s is returned as the response",
    async (method) => {
      own.handle = redirectTo(`${other.origin}/`, 307);
      expect((await ask({}, { method, headers: secrets, body: "text" })).status).toBe(307);
      expect(other.seen).toEqual([]);
    },
  );
});

describe("redirects", () => {
  const invalid = { code: "DATA_INVALID" };

  test.each(["file:///etc/passwd", "javascript:1", "ftp://127.0.0.1/", "http://[", "data:text/plain,x"])(
    "to %s end with an error",
    async (location) => {
      own.handle = redirectTo(location);
      await expect(ask()).rejects.toMatchObject(invalid);
    },
  );

  test("stop after five in a circle, or after the guard's limit", async () => {
    own.handle = redirectTo("/again");
    await expect(ask()).rejects.toMatchObject(invalid);
    expect(own.seen.length).toBe(6);
    expect((await ask({ maxRedirects: 0 })).status).toBe(302);
  });

  test("and pages count as requests", async () => {
    const send = guardedFetch({ origin: own.origin, maxRequests: 3 });
    for (const page of [1, 2, 3]) await (await send(`${own.origin}/${page}`)).text();
    await expect(send(`${own.origin}/4`)).rejects.toMatchObject(invalid);
    expect(own.seen.length).toBe(3);
  });
});

describe("bounds", () => {
  test("a server that never answers ends with a timeout", async () => {
    own.handle = () => undefined;
    await expect(ask({ silenceMs: 50 })).rejects.toThrow(SilenceError);
  });

  /** The text of a response. Under load, the time limit may end the request before its headers arrive. */
  const textOf = async (limits: Partial<FetchGuard>): Promise<string> => (await ask(limits)).text();

  test("a response that stalls ends with a timeout", async () => {
    own.handle = (_, response) => void response.write("beginning");
    await expect(textOf({ silenceMs: 200 })).rejects.toThrow("no data arrived for 0.2 s");
  });

  test("a server that sends single bytes ends with a timeout", async () => {
    own.handle = (request, response) => {
      const timer = setInterval(() => void response.write("x"), 20);
      request.socket.on("close", () => {
        clearInterval(timer);
      });
    };
    await expect(textOf({ totalMs: 300 })).rejects.toThrow("took longer than 0.3 s at less than 1 KB/s");
    own.handle = () => undefined;
    await expect(textOf({ totalMs: 300 })).rejects.toThrow("took longer than 0.3 s");
  });

  test("a body is read up to its limit", async () => {
    own.handle = (_, response) => void response.end("x".repeat(1000));
    expect((await textOf({ maxBytes: 1000 })).length).toBe(1000);
    await expect(textOf({ maxBytes: 999 })).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("the caller's signal ends the request and the body with its own reason", async () => {
    const controller = new AbortController();
    own.handle = (_, response) => void response.write("beginning");
    const response = await ask({}, { signal: controller.signal });
    const reading = response.text();
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });
});

describe("invalid responses", () => {
  const raw =
    (text: string): Handler =>
    (request) =>
      void request.socket.end(text);

  test.each(["600 No", "999 Yes", "099 Hm"])("a status %s ends with an error", async (line) => {
    own.handle = raw(`HTTP/1.1 ${line}\r\ncontent-length: 2\r\n\r\nhi`);
    const error: unknown = await ask().catch((one: unknown) => one);
    expect(["DATA_INVALID", "DEVICE_UNAVAILABLE"]).toContain((error as { code?: unknown }).code);
  });

  test("an invalid header name ends with a network error, before the body is read", async () => {
    own.handle = raw("HTTP/1.1 200 OK\r\n6 18: x\r\ncontent-length: 2\r\n\r\nhi");
    await expect(ask()).rejects.toThrow(NetworkError);
  });

  test.each([204, 205, 304])("a body of status %i, which has none, is not read", async (status) => {
    own.handle = raw(`HTTP/1.1 ${status} \u00ff\r\ncontent-length: 2\r\n\r\nhi`);
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([status, ""]);
  });

  test("a connection that breaks before or during the response is a network error with a reason", async () => {
    own.handle = ({ socket }) => void socket.resetAndDestroy();
    const send = guardedFetch({ origin: own.origin });
    await expect(send(own.origin)).rejects.toThrow(NetworkError);
    own.handle = (request, response) => {
      response.writeHead(200, { "content-length": 100 }).write("begin");
      setTimeout(() => request.socket.resetAndDestroy(), 20);
    };
    const error: unknown = await (await send(own.origin)).text().catch((one: unknown) => one);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      reason: expect.not.stringContaining("terminated") as string,
    });
  });
});

test("a Request is rejected, because its body and signal would be lost", async () => {
  const request = new Request(own.origin, { method: "POST", body: "text" });
  // @ts-expect-error The types reject it, too.
  await expect(guardedFetch({ origin: own.origin })(request)).rejects.toThrow(TypeError);
  expect(own.seen).toEqual([]);
});

test("a key that is invalid in a header is an error that does not show the key", async () => {
  const sent = guardedFetch({ origin: own.origin })(own.origin, {
    headers: { authorization: "Bearer s3cret\nx" },
  });
  await expect(sent).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(sent).rejects.not.toThrow("s3cret");
});

describe("TLS", () => {
  test("a redirect from https to unencrypted http ends with an error, before anything is sent there", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const secure = await started(startFetchServer({ tls: true }));
    const send = guardedFetch({ origin: secure.origin });
    expect(await (await send(secure.origin, { headers: secrets })).text()).toBe("hello");
    secure.handle = redirectTo(own.origin);
    await expect(send(secure.origin, { headers: secrets })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("from https to unencrypted http") as string,
    });
    expect(own.seen).toEqual([]);
  });

  test("a self-signed certificate is a network error", async () => {
    const secure = await started(startFetchServer({ tls: true }));
    await expect(guardedFetch({ origin: secure.origin })(secure.origin)).rejects.toThrow(/self-signed/u);
    expect(secure.seen).toEqual([]);
  });
});

describe("proxies of the environment", () => {
  test.each(["HTTP_PROXY", "http_proxy"])("%s is used, and receives no secrets", async (name) => {
    const server = await started(startFetchServer());
    const tunnel = await started(startTunnel(server.port));
    vi.stubEnv(name, tunnel.address);
    const origin = "http://hub.invalid";
    const response = await guardedFetch({ origin })(`${origin}/model`, { headers: secrets });
    expect([await response.text(), response.url]).toEqual(["hello", `${origin}/model`]);
    expect(tunnel.seen).toHaveLength(1);
    expect(tunnel.seen[0]).toContain("CONNECT hub.invalid:80");
    expect(tunnel.seen[0]).not.toContain("secret");
    expect(server.seen[0]).toContain("Bearer secret");
  });

  test("HTTPS_PROXY is used for https", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const server = await started(startFetchServer({ tls: true }));
    const tunnel = await started(startTunnel(server.port));
    vi.stubEnv("HTTPS_PROXY", tunnel.address);
    const origin = "https://hub.invalid";
    const response = await guardedFetch({ origin })(`${origin}/model`, { headers: secrets });
    expect(await response.text()).toBe("hello");
    expect(tunnel.seen.join(" ")).toContain("CONNECT hub.invalid:443");
    expect(tunnel.seen.join(" ")).not.toContain("secret");
  });

  test("are not used for this machine or for hosts in NO_PROXY", async () => {
    const tunnel = await started(startTunnel(1));
    vi.stubEnv("HTTP_PROXY", tunnel.address);
    expect(await (await ask()).text()).toBe("hello");
    vi.stubEnv("NO_PROXY", ".invalid");
    const origin = "http://hub.invalid";
    await expect(guardedFetch({ origin })(origin)).rejects.toThrow(NetworkError);
    expect(tunnel.seen).toEqual([]);
  });

  test("with an invalid address are a configuration error that does not show the address", async () => {
    vi.stubEnv("HTTP_PROXY", "socks5://user:pa55@proxy");
    const origin = "http://hub.invalid";
    const sent = guardedFetch({ origin })(origin);
    await expect(sent).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(sent).rejects.not.toThrow("pa55");
  });
});
