/** Attempts to make slm send a secret to another origin: responses of a server at the secret's origin, and the other hosts involved. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FetchServer } from "@slm/core/testing";

type Handler = FetchServer["handle"];

/** The places of a scenario. */
export interface Places {
  /** The origin to which the secret belongs. */
  readonly home: FetchServer;
  /** Another origin. */
  readonly elsewhere: FetchServer;
  /** Responses of a registry that has a bundle. */
  readonly registry: Handler;
}

/** The secret: a registry password, HF_TOKEN, an API teacher's key, or MLflow's token. */
export type Client = "pull" | "push" | "hub" | "hubUpload" | "teacher" | "mlflow";

export interface Scenario {
  readonly what: string;
  readonly client: Client;
  /** Responses of the origin. */
  readonly home: (places: Places) => Handler;
  /** Responses of the other origin. Default: 401 with a password challenge, then an empty object. */
  readonly elsewhere?: (places: Places) => Handler;
  /** The origin uses TLS, through a proxy. */
  readonly isSecure?: true;
  /** The other origin receives no request. */
  readonly isNotAsked?: true;
}

const redirect =
  (location: string, status = 302): Handler =>
  (_, response) =>
    void response.writeHead(status, { location }).end();

const challenge =
  (text: string): Handler =>
  (_, response) =>
    void response.writeHead(401, { "www-authenticate": text }).end();

const json =
  (value: unknown, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) =>
    void response
      .writeHead(200, { "content-type": "application/json", ...headers })
      .end(JSON.stringify(value));

/** Responds with a challenge until the request has credentials. */
const known =
  (text: string, then: Handler): Handler =>
  (request, response) => {
    (request.headers.authorization === undefined ? challenge(text) : then)(request, response);
  };

/** The first row with a text that is part of method and address. */
const routes =
  (rows: Readonly<Record<string, Handler>>): Handler =>
  (request: IncomingMessage, response: ServerResponse) => {
    const asked = `${request.method ?? ""} ${request.url ?? ""}`;
    const [, handle] = Object.entries(rows).find(([text]) => asked.includes(text)) ?? [];
    (handle ?? json({}))(request, response);
  };

/** A thief's response: challenges for every authentication scheme. */
export const curious: Handler = known('Basic realm="files"', json({}));

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const REVISION = json({ id: "acme/tiny", sha: COMMIT });
const listed = (path: string): object => ({ type: "file", path, size: 2, oid: "0".repeat(40) });
const LARGE = { files: [{ path: "README.md", uploadMode: "lfs" }] };
const upload = (href: string, header?: object): object => ({
  href,
  ...(header === undefined ? {} : { header }),
});
const batch = (transfer: string, action: object): Handler => {
  return (request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => (text += piece.toString()));
    request.on("end", () => {
      const { objects } = JSON.parse(text) as { objects: object[] };
      const answer = { transfer, objects: objects.map((one) => ({ ...one, actions: { upload: action } })) };
      json(answer)(request, response);
    });
  };
};

export const SCENARIOS: readonly Scenario[] = [
  {
    what: "a registry redirects a blob to an origin that asks for a password",
    client: "pull",
    home: ({ registry, elsewhere }) =>
      known(
        'Basic realm="r"',
        routes({ "/blobs/": redirect(`${elsewhere.origin}/blob`, 307), "": registry }),
      ),
  },
  {
    what: "a registry redirects a blob to an origin with a token server of its own",
    client: "pull",
    home: ({ registry, elsewhere }) =>
      known(
        'Basic realm="r"',
        routes({ "/blobs/": redirect(`${elsewhere.origin}/blob`, 307), "": registry }),
      ),
    elsewhere: ({ elsewhere }) =>
      routes({ "/token": json({ token: "x" }), "": challenge(`Bearer realm="${elsewhere.origin}/token"`) }),
  },
  {
    what: "a registry redirects a blob to an origin that names the registry's token server",
    client: "pull",
    home: ({ registry, elsewhere, home }) =>
      routes({
        "/token": known('Basic realm="r"', json({ token: "issued-SECRET" })),
        "/blobs/": redirect(`${elsewhere.origin}/blob`, 307),
        "": known(`Bearer realm="${home.origin}/token"`, registry),
      }),
    elsewhere: ({ home }) => known(`Bearer realm="${home.origin}/token"`, json({})),
  },
  {
    what: "a registry redirects its manifest, after the login",
    client: "pull",
    home: ({ elsewhere }) => known('Basic realm="r"', redirect(`${elsewhere.origin}/manifest`)),
  },
  {
    what: "a registry redirects to another name of the same machine",
    client: "pull",
    home: ({ elsewhere }) =>
      known('Basic realm="r"', redirect(elsewhere.origin.replace("127.0.0.1", "localhost"))),
  },
  {
    what: "a registry names a token server at another origin",
    client: "pull",
    home: ({ elsewhere }) =>
      routes({ "/open": json({}), "": challenge(`Bearer realm="${elsewhere.origin}/token",service="s"`) }),
    elsewhere: () => curious,
  },
  {
    what: "a registry names a token server with a user in its address",
    client: "pull",
    isNotAsked: true,
    home: ({ elsewhere }) =>
      challenge(`Bearer realm="${elsewhere.origin.replace("://", "://home@")}/token",service="s"`),
  },
  {
    what: "a registry's own token server redirects to another origin",
    client: "pull",
    home: ({ elsewhere, home }) =>
      routes({
        "/token": known('Basic realm="r"', redirect(`${elsewhere.origin}/token`)),
        "": challenge(`Bearer realm="${home.origin}/token"`),
      }),
  },
  {
    what: "an https registry names a token server in clear text",
    client: "pull",
    isSecure: true,
    isNotAsked: true,
    home: ({ elsewhere }) => challenge(`Bearer realm="${elsewhere.origin}/token",service="s"`),
  },
  {
    what: "an https registry redirects to clear text, after the login",
    client: "pull",
    isSecure: true,
    isNotAsked: true,
    home: ({ elsewhere }) => known('Basic realm="r"', redirect(`${elsewhere.origin}/manifest`)),
  },
  {
    what: "a registry gives an address at another origin for an upload",
    client: "push",
    home: ({ elsewhere }) =>
      known(
        'Basic realm="r"',
        routes({
          HEAD: (_, response) => void response.writeHead(404).end(),
          POST: (_, response) =>
            void response.writeHead(202, { location: `${elsewhere.origin}/upload` }).end(),
        }),
      ),
  },
  {
    what: "a registry redirects an upload",
    client: "push",
    isNotAsked: true,
    home: ({ elsewhere }) =>
      known(
        'Basic realm="r"',
        routes({
          HEAD: (_, response) => void response.writeHead(404).end(),
          POST: (_, response) => void response.writeHead(202, { location: "/upload" }).end(),
          PUT: redirect(`${elsewhere.origin}/upload`, 307),
        }),
      ),
  },
  {
    what: "a hub's listing goes on at another origin (Link)",
    client: "hub",
    home: ({ elsewhere }) =>
      routes({
        "/revision/": REVISION,
        "/tree/": json([listed("config.json")], { link: `<${elsewhere.origin}/page2>; rel="next"` }),
      }),
    elsewhere: () => json([]),
  },
  {
    what: "a hub's listing goes on at another origin with a user in its address (Link)",
    client: "hub",
    isNotAsked: true,
    home: ({ elsewhere }) =>
      routes({
        "/revision/": REVISION,
        "/tree/": json([listed("config.json")], {
          link: `<${elsewhere.origin.replace("://", "://home@")}/page2>; rel="next"`,
        }),
      }),
  },
  {
    what: "a hub redirects its description of a model",
    client: "hub",
    home: ({ elsewhere }) => redirect(`${elsewhere.origin}/model`, 308),
  },
  {
    what: "a hub redirects a file to a store that asks for a password",
    client: "hub",
    home: ({ elsewhere }) =>
      routes({
        "/revision/": REVISION,
        "/tree/": json([listed("config.json"), listed("model.safetensors")]),
        "/resolve/": redirect(`${elsewhere.origin}/file`),
      }),
  },
  {
    what: "an https hub redirects to clear text",
    client: "hub",
    isSecure: true,
    isNotAsked: true,
    home: ({ elsewhere }) => redirect(`${elsewhere.origin}/model`),
  },
  {
    what: "an https hub's listing goes on in clear text (Link)",
    client: "hub",
    isSecure: true,
    home: ({ elsewhere }) =>
      routes({
        "/revision/": REVISION,
        "/tree/": json([listed("config.json")], { link: `<${elsewhere.origin}/page2>; rel="next"` }),
      }),
    elsewhere: () => json([]),
  },
  {
    what: "a hub names a store at another origin for an upload",
    client: "hubUpload",
    home: ({ elsewhere }) =>
      routes({
        "/preupload/": json(LARGE),
        "/objects/batch": batch("basic", upload(`${elsewhere.origin}/put`)),
      }),
  },
  {
    what: "a hub names an origin that renews tokens of uploads (Xet)",
    client: "hubUpload",
    home: ({ elsewhere }) =>
      routes({
        "/preupload/": json(LARGE),
        "/objects/batch": batch("xet", upload(`${elsewhere.origin}/renew`, { "X-Xet-Session-Id": "1" })),
      }),
  },
  {
    what: "a hub redirects a commit",
    client: "hubUpload",
    isNotAsked: true,
    home: ({ elsewhere }) =>
      routes({
        "/preupload/": json({ files: [{ path: "README.md", uploadMode: "regular" }] }),
        "/commit/": redirect(`${elsewhere.origin}/commit`, 307),
      }),
  },
  ...[301, 302, 303, 307, 308].map((status): Scenario => ({
    what: `a teacher's server redirects with ${status}`,
    client: "teacher",
    isNotAsked: true,
    home: ({ elsewhere }) => redirect(`${elsewhere.origin}/v1/chat/completions`, status),
  })),
  {
    what: "a teacher's server asks for a password",
    client: "teacher",
    isNotAsked: true,
    home: ({ elsewhere }) => challenge(`Bearer realm="${elsewhere.origin}/token"`),
  },
  {
    what: "an https teacher's server redirects to clear text",
    client: "teacher",
    isSecure: true,
    isNotAsked: true,
    home: ({ elsewhere }) => redirect(elsewhere.origin, 308),
  },
  {
    what: "an MLflow server redirects",
    client: "mlflow",
    isNotAsked: true,
    home: ({ elsewhere }) => redirect(`${elsewhere.origin}/api`),
  },
];
