import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { guardedFetch, SilenceError } from "./guarded-fetch.js";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Two servers at two origins. Each notes the secrets that it was shown. */
class Place {
  readonly seen: string[] = [];
  handle: Handler = (_, response) => response.end("hello");
  private readonly server: Server;
  readonly origin: string;

  private constructor(server: Server, origin: string) {
    this.server = server;
    this.origin = origin;
  }

  static async open(): Promise<Place> {
    const server = createServer((request, response) => {
      const { authorization, cookie } = request.headers;
      place.seen.push([authorization, cookie].filter((one) => one !== undefined).join(" "));
      place.handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const place: Place = new Place(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return place;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
  }
}

let own: Place;
let other: Place;
beforeEach(async () => {
  [own, other] = [await Place.open(), await Place.open()];
});
afterEach(async () => {
  await own.close();
  await other.close();
});

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
  test("are shown to their own origin", async () => {
    const send = guardedFetch({ origin: own.origin });
    expect(await (await send(`${own.origin}/a`, { headers: secrets })).text()).toBe("hello");
    expect(own.seen).toEqual(["Bearer secret key=secret"]);
  });

  test("are not shown to another origin that is asked directly, as by a Link header", async () => {
    const send = guardedFetch({ origin: own.origin });
    await (await send(`${other.origin}/page2`, { headers: secrets })).text();
    expect(other.seen).toEqual([""]);
  });

  test.each([301, 302, 303, 307, 308])("do not follow a redirect %i to another origin", async (status) => {
    own.handle = redirectTo(`${other.origin}/blob`, status);
    const response = await guardedFetch({ origin: own.origin })(`${own.origin}/`, { headers: secrets });
    expect(await response.text()).toBe("hello");
    expect(response.url).toBe(`${other.origin}/blob`);
    expect([own.seen, other.seen]).toEqual([["Bearer secret key=secret"], [""]]);
  });

  test("are shown again to their origin when another one redirects back", async () => {
    own.handle = ({ url }, response) => {
      if (url === "/end") response.end("end");
      else redirect(response, `${other.origin}/`);
    };
    other.handle = redirectTo(`${own.origin}/end`);
    const response = await guardedFetch({ origin: own.origin })(`${own.origin}/`, { headers: secrets });
    expect(await response.text()).toBe("end");
    expect(other.seen).toEqual([""]);
  });

  test.each([
    ["another port of the same host", () => other.origin],
    ["another name of the same machine", () => own.origin.replace("127.0.0.1", "localhost")],
    ["an address with a user of its own", () => other.origin.replace("://", "://user:password@")],
  ])("are not shown to %s", async (_, target) => {
    own.handle = ({ headers }, response) => {
      if (headers.host?.startsWith("localhost") === true) response.end("hello");
      else redirect(response, target());
    };
    await (await guardedFetch({ origin: own.origin })(`${own.origin}/`, { headers: secrets })).text();
    expect([...own.seen.slice(1), ...other.seen].join("")).toBe("");
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])("a redirect of %s is an answer", async (method) => {
    own.handle = redirectTo(`${other.origin}/`, 307);
    const init = { method, headers: secrets, body: "text" };
    expect((await guardedFetch({ origin: own.origin })(own.origin, init)).status).toBe(307);
    expect(other.seen).toEqual([]);
  });
});

describe("redirects", () => {
  const codeOf = (sent: Promise<Response>): Promise<unknown> =>
    sent.then(
      () => "answered",
      (error: unknown) => (error as { code?: unknown }).code,
    );

  test.each(["file:///etc/passwd", "javascript:1", "ftp://127.0.0.1/", "http://[", "data:text/plain,x"])(
    "to %s end with an error",
    async (location) => {
      own.handle = redirectTo(location);
      expect(await codeOf(guardedFetch({ origin: own.origin })(own.origin))).toBe("DATA_INVALID");
    },
  );

  test("go in circles five times at most, or as often as the guard says", async () => {
    own.handle = redirectTo("/again");
    expect(await codeOf(guardedFetch({ origin: own.origin })(own.origin))).toBe("DATA_INVALID");
    expect(own.seen.length).toBe(6);
    const none = guardedFetch({ origin: own.origin, maxRedirects: 0 });
    expect((await none(own.origin)).status).toBe(302);
  });

  test("and pages count as requests", async () => {
    const send = guardedFetch({ origin: own.origin, maxRequests: 3 });
    for (const page of [1, 2, 3]) await (await send(`${own.origin}/${page}`)).text();
    expect(await codeOf(send(`${own.origin}/4`))).toBe("DATA_INVALID");
    expect(own.seen.length).toBe(3);
  });
});

describe("bounds", () => {
  test("a server that never answers is given up", async () => {
    own.handle = () => undefined;
    await expect(guardedFetch({ origin: own.origin, silenceMs: 50 })(own.origin)).rejects.toThrow(
      SilenceError,
    );
  });

  test("an answer that stalls is given up; one that drips is read, and so is one whose reader is slow", async () => {
    own.handle = (_, response) => void response.write("beginning");
    const send = guardedFetch({ origin: own.origin, silenceMs: 200 });
    await expect((await send(own.origin)).text()).rejects.toThrow("no byte arrived for 0.2 s");
    own.handle = (_, response) => {
      let left = 8;
      const drip = setInterval(() => {
        response.write("x");
        left -= 1;
        if (left > 0) return;
        clearInterval(drip);
        response.end();
      }, 50);
    };
    const slow = await send(own.origin);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await slow.text()).toBe("xxxxxxxx");
  });

  test("a body is read up to its limit", async () => {
    own.handle = (_, response) => void response.end("x".repeat(1000));
    const read = async (maxBytes: number): Promise<string> =>
      (await guardedFetch({ origin: own.origin, maxBytes })(own.origin)).text();
    expect((await read(1000)).length).toBe(1000);
    await expect(read(999)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("the caller's signal ends the request and the body with its own reason", async () => {
    const controller = new AbortController();
    own.handle = (_, response) => void response.write("beginning");
    const response = await guardedFetch({ origin: own.origin })(own.origin, { signal: controller.signal });
    const reading = response.text();
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });
});
