/** The part of MLflow's REST API that stores runs. Source: mlflow.org/docs/latest/api_reference/rest-api.html, version 2.0. */
import { guardedFetch, NetworkError, SlmError } from "@slm/core";
import { z } from "zod";

/** Timeout for a response of the server [ms]. */
const TIMEOUT_MS = 30_000;
/** Longest response [bytes]. */
const ANSWER_LIMIT = 4 * 1024 * 1024;

export interface MlflowServer {
  /** URL of the tracking server: `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** Sent as basic authentication if there is no token. */
  readonly user?: { readonly name: string; readonly password: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

const failure = z.looseObject({ error_code: z.string(), message: z.string().optional() });

/** MLflow's error code for something that does not exist. */
const MISSING = "RESOURCE_DOES_NOT_EXIST";

export class MlflowClient {
  readonly #server: MlflowServer;
  readonly #base: URL;

  /** @throws SlmError USAGE for an invalid URL */
  constructor(server: MlflowServer) {
    this.#server = server;
    this.#base = baseOf(server.url);
  }

  /** Sends a GET request; returns undefined if the object does not exist. @throws SlmError DEVICE_UNAVAILABLE, OUTPUT_FAILED, DATA_INVALID */
  async get<Answer>(
    path: string,
    query: Readonly<Record<string, string>>,
    schema: z.ZodType<Answer>,
  ): Promise<Answer | undefined> {
    const url = this.#urlOf(path);
    url.search = new URLSearchParams(query).toString();
    return this.#call(url, undefined, schema);
  }

  /** Sends a POST request. @throws SlmError DEVICE_UNAVAILABLE, OUTPUT_FAILED, DATA_INVALID */
  async post<Answer>(path: string, body: object, schema: z.ZodType<Answer>): Promise<Answer> {
    const answer = await this.#call(this.#urlOf(path), body, schema);
    if (answer !== undefined) return answer;
    throw new SlmError("OUTPUT_FAILED", `mlflow: ${path}: the object does not exist on the server`);
  }

  async #call<Answer>(
    url: URL,
    body: object | undefined,
    schema: z.ZodType<Answer>,
  ): Promise<Answer | undefined> {
    const where = `mlflow: ${url.origin}${url.pathname}`;
    const { signal } = this.#server;
    let status: number;
    let text: string;
    try {
      // A redirect could send the credentials to another server.
      const send = guardedFetch({
        origin: this.#base.origin,
        silenceMs: TIMEOUT_MS,
        maxBytes: ANSWER_LIMIT,
        maxRedirects: 0,
      });
      const response = await send(url, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...this.#authorization(), "content-type": "application/json" },
        ...(signal === undefined ? {} : { signal }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      if (!(cause instanceof NetworkError)) throw cause;
      throw new SlmError("DEVICE_UNAVAILABLE", `${where}: the server does not respond`, {
        context: { url: url.origin },
        suggestions: ["mlflow server --host 127.0.0.1 --port 5000"],
        cause,
      });
    }
    const json = parse(text);
    if (status >= 300) {
      const { error_code: code, message = "" } = failure.safeParse(json).data ?? { error_code: "" };
      if (code === MISSING) return undefined;
      throw new SlmError(
        "OUTPUT_FAILED",
        `${where}: the server rejected the request: ${status} ${code} ${message.slice(0, 300)}`.trim(),
        {
          context: { url: url.origin, status, code },
          suggestions:
            status === 401 || status === 403
              ? ["set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"]
              : [],
        },
      );
    }
    const answer = schema.safeParse(json);
    if (answer.success) return answer.data;
    throw new SlmError("DATA_INVALID", `${where}: the response is not MLflow's: ${answer.error.message}`, {
      context: { url: url.origin },
    });
  }

  #urlOf(path: string): URL {
    return new URL(`api/2.0/mlflow/${path}`, this.#base);
  }

  #authorization(): Readonly<Record<string, string>> {
    const { token, user } = this.#server;
    if (token !== undefined) return { authorization: `Bearer ${token}` };
    if (user === undefined) return {};
    return { authorization: `Basic ${Buffer.from(`${user.name}:${user.password}`).toString("base64")}` };
  }
}

function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "")
    return new URL(url.pathname.endsWith("/") ? url : `${url.href}/`);
  throw new SlmError("USAGE", `mlflow: expected the URL of a tracking server, got '${text}'`, {
    suggestions: ["--track mlflow=http://127.0.0.1:5000"],
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
