/** Credentials stay with their origin: what hubs, registries, teachers' servers and proxies can do to have them sent elsewhere. */
import { guardedFetch } from "@slm/core";
import { startFetchServer, startTunnel, type FetchServer } from "@slm/core/testing";
import { resolveModel } from "@slm/checkpoints";
import { parseOciReference, pullBundle, pushBundle } from "@slm/deploy";
import { openLabeller, teacherConfig } from "@slm/labelling";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const [BEARER, COOKIE, PASSWORD, HUB_TOKEN, API_KEY] = ["b34rer", "c00kie", "pa55word", "hf_t0ken", "sk-k3y"];
const BASIC = Buffer.from(`me:${PASSWORD}`).toString("base64");
/** None of these may appear in anything that another origin is sent. */
const SECRETS = [BEARER, COOKIE, PASSWORD, HUB_TOKEN, API_KEY, BASIC];

let root = "";
let own: FetchServer;
let other: FetchServer;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-credentials-"));
  [own, other] = [await startFetchServer(), await startFetchServer()];
  vi.stubEnv("HF_ENDPOINT", own.origin);
  vi.stubEnv("HF_TOKEN", HUB_TOKEN);
  vi.stubEnv("HF_HUB_CACHE", join(root, "hub"));
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("CREDENTIALS_TEST_KEY", API_KEY);
});
afterEach(async () => {
  await own.close();
  await other.close();
  await rm(root, { recursive: true, force: true });
});

const redirectTo =
  (location: () => string, status = 307): Handler =>
  (_, response) =>
    void response.writeHead(status, { location: location() }).end();
const challenge = (response: ServerResponse, text: string): void =>
  void response.writeHead(401, { "www-authenticate": text }).end();
const elsewhere = (): string => `${other.origin}/blob`;

/** Asks with every header that is a secret. */
const ask = (address = `${own.origin}/file`): Promise<unknown> =>
  guardedFetch({ origin: own.origin })(address, {
    headers: {
      authorization: `Bearer ${BEARER}`,
      cookie: `key=${COOKIE}`,
      "proxy-authorization": `Basic ${BASIC}`,
    },
  });
const reference = (): ReturnType<typeof parseOciReference> =>
  parseOciReference(`${own.origin.slice("http://".length)}/team/model:1`);
const credentials = { user: "me", password: PASSWORD };
const pull = (): Promise<unknown> => pullBundle(reference(), join(root, "bundle"), { credentials });
const hub = (): Promise<unknown> => resolveModel("acme/tiny");

/** A registry that wants to know who is there before it does `then`. */
const registry =
  (text: () => string, then: Handler): Handler =>
  (request, response) => {
    if (request.headers.authorization === undefined) challenge(response, text());
    else then(request, response);
  };
/** A registry whose own token server gives a token. */
const withTokens =
  (then: Handler): Handler =>
  (request, response) => {
    if (request.url?.startsWith("/token") === true) response.end(JSON.stringify({ token: BEARER }));
    else registry(() => `Bearer realm="${own.origin}/token",service="s"`, then)(request, response);
  };
/** A hub whose listing and files are what a scenario makes of them. */
const hubWith =
  (listing: Handler, file: Handler): Handler =>
  (request, response) => {
    const path = request.url ?? "";
    response.setHeader("content-type", "application/json");
    if (path.includes("/revision/")) response.end(JSON.stringify({ id: "acme/tiny", sha: "0".repeat(40) }));
    else if (path.includes("/tree/")) listing(request, response);
    else file(request, response);
  };
const files: Handler = (_, response) => {
  const named = ["config.json", "model.safetensors", "tokenizer.json"];
  response.end(JSON.stringify(named.map((path) => ({ type: "file", path, size: 5, oid: "0".repeat(40) }))));
};

async function push(): Promise<unknown> {
  const { writeArtifact } = await import("@slm/core");
  const directory = join(root, "made");
  const spec = {
    directory,
    kind: "bundle",
    key: "k",
    inputs: [],
    settings: {},
    origins: {},
    seed: 1,
  } as const;
  await writeArtifact(spec, async (work) => {
    await writeFile(join(work, "model.json"), "{}");
    return {};
  });
  return pushBundle(directory, reference(), { credentials });
}

/** Labels one text with a teacher's server. */
async function label(): Promise<unknown> {
  const { apiFileOf, writeApiFile } = await import("@slm/labelling");
  const settings = {
    kind: "api",
    baseUrl: own.origin,
    model: "m",
    apiKeyEnv: "CREDENTIALS_TEST_KEY",
  };
  const config = teacherConfig.parse(settings);
  if (config.kind !== "api") throw new Error("no server");
  await writeApiFile(root, apiFileOf(config, []));
  const labeller = await openLabeller(root, {
    progress: () => undefined,
    answersDirectory: join(root, "answers"),
    retries: 0,
  });
  return labeller?.answer(["a"], { signal: new AbortController().signal });
}

interface Scenario {
  readonly name: string;
  readonly own?: Handler;
  readonly other?: Handler;
  readonly work: () => Promise<unknown>;
  /** Whether the origin itself is shown a secret. Default: it is. */
  readonly isShown?: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `a redirect ${status} to another origin`,
    own: redirectTo(elsewhere, status),
    work: ask,
  })),
  {
    name: "a redirect to another name of the same machine",
    own: redirectTo(() => other.origin.replace("127.0.0.1", "localhost")),
    work: ask,
  },
  {
    name: "a redirect to an address without a scheme",
    own: redirectTo(() => other.origin.slice("http:".length)),
    work: ask,
  },
  {
    name: "a redirect to an address with a user of its own",
    own: redirectTo(() => other.origin.replace("://", "://user@")),
    work: ask,
  },
  {
    name: "two redirects, the first within the origin",
    own: ({ url }, response) =>
      void response.writeHead(302, { location: url === "/file" ? "/next" : elsewhere() }).end(),
    work: ask,
  },
  {
    name: "a redirect there, back and there again",
    own: ({ url }, response) =>
      void response
        .writeHead(302, { location: `${other.origin}${url === "/file" ? "/first" : "/second"}` })
        .end(),
    other: ({ url }, response) => {
      if (url === "/first") response.writeHead(302, { location: `${own.origin}/back` }).end();
      else response.end("end");
    },
    work: ask,
  },
  { name: "another origin that is asked directly", work: () => ask(elsewhere()), isShown: false },
  {
    name: "a blob at another origin that asks who is there",
    own: registry(() => 'Basic realm="r"', redirectTo(elsewhere)),
    other: (_, response) => {
      challenge(response, 'Basic realm="other"');
    },
    work: pull,
  },
  {
    name: "a blob at another origin that names a token server of its own",
    own: registry(() => 'Basic realm="r"', redirectTo(elsewhere)),
    other: (_, response) => {
      challenge(response, `Bearer realm="${other.origin}/token"`);
    },
    work: pull,
  },
  {
    name: "a token server at another origin",
    own: registry(() => `Bearer realm="${other.origin}/token"`, redirectTo(elsewhere)),
    other: (_, response) => void response.end(JSON.stringify({ token: "of-another-origin" })),
    work: pull,
    isShown: false,
  },
  {
    name: "a token server whose address has no scheme",
    own: registry(() => `Bearer realm="${other.origin.slice("http:".length)}/token"`, redirectTo(elsewhere)),
    other: (_, response) => void response.end(JSON.stringify({ token: "of-another-origin" })),
    work: pull,
    isShown: false,
  },
  {
    name: "a token server that redirects to another origin",
    own: (request, response) => {
      if (request.url?.startsWith("/token") === true) redirectTo(elsewhere)(request, response);
      else challenge(response, `Bearer realm="${own.origin}/token"`);
    },
    work: pull,
  },
  {
    name: "a blob at another origin, asked for with a token",
    own: withTokens(redirectTo(elsewhere)),
    work: pull,
  },
  {
    name: "an upload to another origin",
    own: withTokens((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else response.writeHead(202, { location: `${other.origin}/upload` }).end();
    }),
    work: push,
  },
  {
    name: "an upload that redirects to another origin",
    own: withTokens((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "POST") response.writeHead(202, { location: "/upload" }).end();
      else redirectTo(elsewhere)(request, response);
    }),
    work: push,
  },
  {
    name: "a listing whose Link goes on at another origin",
    own: hubWith((_, response) => {
      response.setHeader("link", `<${other.origin}/page2>; rel="next"`);
      response.end("[]");
    }, files),
    other: (_, response) => void response.end("[]"),
    work: hub,
  },
  { name: "a listing at another origin", own: hubWith(redirectTo(elsewhere), files), work: hub },
  { name: "files at another origin", own: hubWith(files, redirectTo(elsewhere)), work: hub },
  {
    name: "a model whose description is at another origin",
    own: redirectTo(elsewhere),
    work: hub,
  },
  { name: "a teacher's server that redirects", own: redirectTo(elsewhere), work: label },
];

describe(`${SCENARIOS.length} scenarios in which no secret reaches a second origin`, () => {
  test.each(SCENARIOS)("$name", async (scenario) => {
    if (scenario.own !== undefined) own.handle = scenario.own;
    if (scenario.other !== undefined) other.handle = scenario.other;
    await scenario.work().catch(() => undefined);
    const shown = (server: FetchServer): readonly string[] =>
      SECRETS.filter((secret) => server.seen.some((text) => text.includes(secret)));
    expect(shown(other)).toEqual([]);
    expect(shown(own).length > 0).toBe(scenario.isShown ?? true);
    // A second origin that nobody asks shows nothing; a teacher's redirects are not followed.
    expect(other.seen.length > 0).toBe(
      scenario.work !== label && !scenario.name.includes("upload that redirects"),
    );
  });
});

test("a redirect from https to clear text is not followed, so it is shown nothing", async () => {
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  const secure = await startFetchServer({ tls: true });
  secure.handle = redirectTo(elsewhere);
  const headers = { authorization: `Bearer ${BEARER}` };
  const sent = guardedFetch({ origin: secure.origin })(secure.origin, { headers });
  await expect(sent).rejects.toMatchObject({ code: "DATA_INVALID" });
  await secure.close();
  expect([secure.seen.length, other.seen]).toEqual([1, []]);
});

test("a proxy is shown where a request goes, and no secret", async () => {
  const tunnel = await startTunnel(own.port);
  vi.stubEnv("HTTP_PROXY", tunnel.address);
  const origin = "http://hub.invalid";
  await guardedFetch({ origin })(origin, { headers: { authorization: `Bearer ${BEARER}` } });
  await tunnel.close();
  expect(own.seen.join(" ")).toContain(BEARER);
  expect(tunnel.seen.join(" ")).toContain("hub.invalid");
  expect(SECRETS.filter((secret) => tunnel.seen.join(" ").includes(secret))).toEqual([]);
});
