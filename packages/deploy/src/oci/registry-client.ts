/**
 * A client of the OCI Distribution API, with the requests that pushing and pulling need.
 *
 * Source: OCI Distribution Specification 1.1; Docker's token authentication (the `Bearer` challenge).
 */
import { parsedJson, guardedFetch, NetworkError, SlmError, type GuardedFetch } from "@slm/core";
import { z } from "zod";
import { registryUrl, type OciReference } from "./reference.js";

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** Origin of a token server that may receive the credentials too, such as `https://auth.example.com`. */
  readonly realm?: string | undefined;
}

/** Token servers of well-known registries at other addresses. Source: the challenges of these registries. */
const KNOWN_REALMS: Readonly<Record<string, string>> = {
  "https://registry-1.docker.io": "https://auth.docker.io",
  "https://registry.gitlab.com": "https://gitlab.com",
};

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Creates the body for each attempt, because a stream can be sent only once. */
  readonly body?: () => NonNullable<RequestInit["body"]>;
  /** Accepted statuses; every other status is an error. */
  readonly expect: readonly number[];
}

/** Largest answer of a token server [bytes]. */
const TOKEN_BYTES = 1024 * 1024;

const tokenAnswer = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() });

/** Longest silence of a registry, which may hash a large file before it answers [ms]. */
const SILENCE_MS = 120_000;

/** Messages for error statuses of a registry; the default is "the registry rejected". */
const REJECTIONS: ReadonlyMap<
  number,
  { readonly code: "INPUT_MISSING" | "OUTPUT_FAILED" | "USAGE"; readonly why: string }
> = new Map([
  [
    401,
    {
      code: "USAGE",
      why: "not authorized: set SLM_REGISTRY_USER and SLM_REGISTRY_PASSWORD (and SLM_REGISTRY_REALM if the token server has another address)",
    },
  ],
  [403, { code: "USAGE", why: "this user is not allowed to do this" }],
  [404, { code: "INPUT_MISSING", why: "the registry has no such repository, tag or digest" }],
  [413, { code: "OUTPUT_FAILED", why: "the file is too large for the registry" }],
]);

export class RegistryClient {
  readonly #base: string;
  readonly #repository: string;
  readonly #credentials: Credentials | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #silenceMs: number;
  readonly #fetch: GuardedFetch;
  #authorization: string | undefined;

  constructor(
    reference: OciReference,
    options: {
      readonly credentials?: Credentials | undefined;
      readonly signal?: AbortSignal | undefined;
      /** Longest time without a byte [ms]. Default: 120,000. */
      readonly silenceMs?: number | undefined;
    } = {},
  ) {
    this.#base = registryUrl(reference);
    this.#repository = reference.repository;
    this.#credentials = options.credentials;
    this.#signal = options.signal;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#fetch = guardedFetch({ origin: new URL(this.#base).origin, silenceMs: this.#silenceMs });
  }

  /** Calls `/v2/<repository>/<path>`. @throws SlmError DEVICE_UNAVAILABLE without an answer; otherwise the code in REJECTIONS. */
  async call(path: string, call: Call): Promise<Response> {
    return this.callUrl(new URL(`/v2/${this.#repository}/${path}`, this.#base), call);
  }

  /** Calls an address that the registry returned, for example for an upload. Only the registry itself receives the credentials. */
  async callUrl(url: URL, call: Call): Promise<Response> {
    let response = await this.#send(url, call);
    // Only the registry itself may ask for credentials, not an address that it redirects to.
    if (response.status === 401 && new URL(response.url).origin === new URL(this.#base).origin) {
      const challenge = response.headers.get("www-authenticate") ?? "";
      await response.body?.cancel();
      this.#authorization = await this.#authorize(challenge);
      if (this.#authorization !== undefined) response = await this.#send(url, call);
    }
    if (call.expect.includes(response.status)) return response;
    const detail = (await readAtMost(response, 2000)).replace(/\s+/g, " ");
    const { code, why } = REJECTIONS.get(response.status) ?? {
      code: "OUTPUT_FAILED",
      why: "the registry rejected",
    };
    throw new SlmError(
      code,
      `${call.method ?? "GET"} ${url.host}${url.pathname}: ${why} (${response.status}) ${detail}`.trim(),
      {
        context: { url: `${url.origin}${url.pathname}`, status: response.status },
      },
    );
  }

  /** An address from a `Location` header. @throws SlmError DATA_INVALID for an invalid address, or a change from https to http */
  resolve(location: string): URL {
    const url = URL.canParse(location, this.#base) ? new URL(location, this.#base) : undefined;
    const isHttps = this.#base.startsWith("https:");
    if (url !== undefined && (url.protocol === "https:" || (url.protocol === "http:" && !isHttps)))
      return url;
    throw new SlmError(
      "DATA_INVALID",
      `${new URL(this.#base).host}: the registry sends an upload to ${url === undefined ? "an invalid address" : `${url.protocol}//${url.host}`}`,
    );
  }

  async #send(url: URL, { method = "GET", headers = {}, body }: Call): Promise<Response> {
    const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    return this.#answerOf(
      this.#fetch(url, {
        method,
        headers: { ...headers, ...authorization },
        ...(body === undefined ? {} : { body: body(), duplex: "half" }),
        ...(this.#signal === undefined ? {} : { signal: this.#signal }),
      }),
      url,
    );
  }

  /** Waits for the answer. @throws SlmError DEVICE_UNAVAILABLE without an answer */
  async #answerOf(sent: Promise<Response>, { host }: URL): Promise<Response> {
    try {
      return await sent;
    } catch (cause) {
      this.#signal?.throwIfAborted();
      if (!(cause instanceof NetworkError)) throw cause;
      throw new SlmError("DEVICE_UNAVAILABLE", `registry ${host} does not answer: ${cause.reason}`, {
        context: { registry: host },
        suggestions: cause.suggestions,
        cause,
      });
    }
  }

  /** The header that answers a challenge; undefined if there is none. */
  async #authorize(challenge: string): Promise<string | undefined> {
    const basic =
      this.#credentials === undefined
        ? undefined
        : `Basic ${Buffer.from(`${this.#credentials.user}:${this.#credentials.password}`).toString("base64")}`;
    if (/^basic\b/i.test(challenge)) return basic;
    const parameters = new Map(
      [...challenge.matchAll(/([a-z]+)="([^"]*)"/gi)].map(([, key = "", value = ""]) => [
        key.toLowerCase(),
        value,
      ]),
    );
    const realm = parameters.get("realm");
    if (!/^bearer\b/i.test(challenge) || realm === undefined) return undefined;
    if (!URL.canParse(realm, this.#base)) return undefined;
    const [url, own] = [new URL(realm, this.#base), new URL(this.#base)];
    // A token sent in clear text could be forged.
    if (url.protocol !== "https:" && url.protocol !== own.protocol) return undefined;
    for (const key of ["service", "scope"]) {
      const value = parameters.get(key);
      if (value !== undefined) url.searchParams.set(key, value);
    }
    // Other token servers are called without credentials: a registry must not choose where the password goes.
    const trusted = [own.origin, KNOWN_REALMS[own.origin], this.#credentials?.realm];
    const origin = trusted.find((one) => one === url.origin) ?? own.origin;
    const ask = guardedFetch({ origin, silenceMs: this.#silenceMs, maxBytes: TOKEN_BYTES });
    const headers = basic === undefined ? {} : { authorization: basic };
    const response = await this.#answerOf(ask(url, { headers }), url);
    if (!response.ok) return undefined;
    const answer = tokenAnswer.safeParse(parsedJson(await response.text())).data;
    const token = answer?.token ?? answer?.access_token;
    // A text that is not allowed in a header is not a token.
    return token !== undefined && /^[\x21-\x7e]+$/u.test(token) ? `Bearer ${token}` : undefined;
  }
}

/** The first `limit` bytes of an answer as text. */
async function readAtMost(response: Response, limit: number): Promise<string> {
  return (await readBytes(response, limit)).bytes.toString("utf8");
}

/** The body of an answer in pieces, as they arrive; empty without a body. */
export async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  const pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = response.body ?? [];
  yield* pieces;
}

/** The first `limit` bytes of an answer, and whether it was longer. */
export async function readBytes(
  response: Response,
  limit: number,
): Promise<{ readonly bytes: Buffer; readonly isCut: boolean }> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bodyOf(response)) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size > limit) break;
  }
  return { bytes: Buffer.concat(pieces).subarray(0, limit), isCut: size > limit };
}

/** Registry credentials from the environment. @throws SlmError USAGE if only one of the two variables is set. */
export function registryCredentials(environment: NodeJS.ProcessEnv): Credentials | undefined {
  const { SLM_REGISTRY_USER: user = "", SLM_REGISTRY_PASSWORD: password = "" } = environment;
  const { SLM_REGISTRY_REALM: realm = "" } = environment;
  if (realm !== "" && !(URL.canParse(realm) && /^https?:$/u.test(new URL(realm).protocol)))
    throw new SlmError(
      "USAGE",
      `SLM_REGISTRY_REALM: expected an address such as https://auth.example.com, got '${realm}'`,
    );
  if (user === "" && password === "") return undefined;
  if (user !== "" && password !== "")
    return { user, password, realm: realm === "" ? undefined : new URL(realm).origin };
  throw new SlmError("USAGE", "set both SLM_REGISTRY_USER and SLM_REGISTRY_PASSWORD, or neither");
}
