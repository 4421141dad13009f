/** What hostile clients do: bodies that take long to read, and connections that misbehave. */
import http from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const MEGABYTE = 2 ** 20 - 256;
const JSON_TYPE = { "content-type": "application/json" };

/**
 * @typedef {{ path: string, body: string }} Body
 */

const completion = (/** @type {object} */ more) => ({
  path: "/v1/completions",
  body: JSON.stringify(Object.assign({ prompt: "abc", max_tokens: 8 }, more)),
});
const schema = (/** @type {object} */ value, more = {}) =>
  completion({
    response_format: { type: "json_schema", json_schema: { name: "n", schema: value } },
    ...more,
  });
/** A list as long as fits into a megabyte. */
const filled = (/** @type {number} */ item) =>
  Array(Math.floor(MEGABYTE / (JSON.stringify(item).length + 1))).fill(item);
const numbered = (/** @type {number} */ count, /** @type {(at: number) => [string, unknown]} */ entry) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => entry(at)));

/**
 * Bodies by their kind. What has no round in it is made once; schemas with one are new every time.
 *
 * @type {Readonly<Record<string, (round: number) => Body>>}
 */
export const BODIES = {
  spaces: fixed(() => completion({ prompt: " ".repeat(MEGABYTE) })),
  letters: fixed(() => completion({ prompt: "a".repeat(MEGABYTE) })),
  words: fixed(() => completion({ prompt: "the model of ".repeat(MEGABYTE / 13) })),
  ideographs: fixed(() => completion({ prompt: "\u9f98\u{20bb7}".repeat(MEGABYTE / 7) })),
  longestPrompts: fixed(() => completion({ prompt: Array(32).fill(" a".repeat(8000)) })),
  conversation: fixed(() => ({
    path: "/v1/chat/completions",
    body: JSON.stringify({ messages: Array(250).fill({ role: "user", content: "x".repeat(4000) }) }),
  })),
  numbers: fixed(() => completion({ prompt: filled(1) })),
  nested: fixed(() => ({
    path: "/v1/completions",
    body: `{"prompt":${"[".repeat(MEGABYTE / 2)}${"]".repeat(MEGABYTE / 2)}}`,
  })),
  unclosed: fixed(() => ({
    path: "/v1/completions",
    body: `{"prompt":"${"\\u0061".repeat(MEGABYTE / 6 - 4)}`,
  })),
  keys: fixed(() => completion({ metadata: numbered(50_000, (at) => [`key${at}`, "v"]) })),
  biases: fixed(() => completion({ logit_bias: numbered(60_000, (at) => [String(at), 1]) })),
  image: fixed(() => ({
    path: "/generate",
    body: JSON.stringify({ source: "a", image: "A".repeat(MEGABYTE - 100) }),
  })),
  logprobs: fixed(() => completion({ prompt: Array(64).fill("abc"), max_tokens: 48, logprobs: 20 })),
  sampling: fixed(() =>
    completion({ prompt: Array(64).fill("abc"), max_tokens: 48, temperature: 1.5, top_p: 0.9 }),
  ),
  referenceChain: (round) =>
    schema({
      $ref: "#/$defs/0",
      $defs: numbered(8000, (at) => [
        String(at),
        at === 7999 ? { const: round } : { $ref: `#/$defs/${at + 1}` },
      ]),
    }),
  deepEnum: (round) => ({
    path: "/v1/completions",
    body: `{"prompt":"abc","response_format":{"type":"json_schema","json_schema":{"schema":{"enum":[${round},${"[".repeat(100_000)}${"]".repeat(100_000)}]}}}}`,
  }),
  wideEnum: (round) => schema({ enum: Array.from({ length: 3000 }, (_, at) => `value ${round} ${at}`) }),
  ambiguous: (round) =>
    schema({
      anyOf: Array.from({ length: 12 }, (_, at) => ({
        type: "string",
        maxLength: 1000 + at + (round % 100),
      })),
    }),
  manyProperties: (round) =>
    schema({
      type: "object",
      properties: numbered(800, (at) => [`p${round}x${at}`, { type: ["string", "number", "null"] }]),
    }),
  nestedLists: (round) => {
    /** @type {object} */
    let value = { type: "string", minLength: round % 50 };
    for (let depth = 0; depth < 60; depth++)
      value = { type: "array", items: value, minItems: 1, maxItems: 60 };
    return schema(value);
  },
};

function fixed(/** @type {() => Body} */ make) {
  /** @type {Body | undefined} */
  let made;
  return () => (made ??= make());
}

/** Sends one request over HTTP. @returns its status, "closed" if the server closed the connection, "given up" after the signal */
export function send(
  /** @type {string} */ url,
  /** @type {Body} */ { path, body },
  /** @type {{ agent?: http.Agent, signal?: AbortSignal, headers?: Record<string, string> }} */
  { agent, signal, headers = {} } = {},
) {
  /** @type {Promise<number | string | undefined>} */
  const status = new Promise((resolve) => {
    const request = http.request(
      url + path,
      {
        ...(agent === undefined ? {} : { agent }),
        ...(signal === undefined ? {} : { signal }),
        method: "POST",
        headers: { ...JSON_TYPE, ...headers },
      },
      (response) => {
        response.resume();
        response.on("close", () => resolve(response.statusCode));
      },
    );
    request.on("error", () => resolve(signal?.aborted === true ? "given up" : "closed"));
    request.end(body);
  });
  return status;
}

/** Opens a connection, writes, and waits. @returns the status of the first answer; "closed" or "held" if there was none */
async function raw(
  /** @type {string} */ url,
  /** @type {string} */ bytes,
  /** @type {{ milliseconds: number, reads?: boolean, between?: string[] }} */
  { milliseconds, reads = true, between = [] },
) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = "";
  let outcome = "held";
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve)).then(() => (outcome = "closed"));
  if (reads) socket.on("data", (chunk) => (text = (text + chunk.toString("latin1")).slice(0, 4096)));
  socket.write(bytes);
  for (const more of between) {
    await Promise.race([closed, sleep(milliseconds / between.length)]);
    if (!socket.destroyed) socket.write(more);
  }
  await Promise.race([closed, sleep(between.length === 0 ? milliseconds : 0)]);
  socket.destroy();
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  return status === undefined ? outcome : Number(status);
}

const head = (more = "", path = "/v1/completions") =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}`;
const whole = (/** @type {string} */ body) =>
  `${head(`Content-Length: ${Buffer.byteLength(body)}\r\n`)}\r\n${body}`;
const STREAM = JSON.stringify({ prompt: "abc", stream: true });

/**
 * Connections that misbehave, by their kind.
 *
 * @type {Readonly<Record<string, (url: string) => Promise<number | string | undefined>>>}
 */
export const CONNECTIONS = {
  halfOpen: (url) => raw(url, "", { milliseconds: 1000 }),
  halfHeaders: (url) => raw(url, head(), { milliseconds: 1000 }),
  slowBody: (url) =>
    raw(url, head("Content-Length: 64\r\n\r\n"), { milliseconds: 1000, between: Array(10).fill('{"p') }),
  abortedChunks: (url) =>
    raw(url, head('Transfer-Encoding: chunked\r\n\r\n5\r\n{"pro'), { milliseconds: 20 }),
  wrongChunks: (url) => raw(url, head("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), { milliseconds: 100 }),
  slowReader: (url) => raw(url, whole(STREAM), { milliseconds: 500, reads: false }),
  disconnect: (url) => raw(url, whole(STREAM), { milliseconds: 5 }),
  rejectedStream: (url) => raw(url, whole('{"prompt":"","stream":true}'), { milliseconds: 200 }),
  otherHost: (url) =>
    raw(url, "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", { milliseconds: 200 }),
  description: (url) =>
    raw(url, "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50), { milliseconds: 200 }),
  noHttp: (url) => raw(url, "\u0016\u0003\u0001 hello\r\n\r\n", { milliseconds: 200 }),
  longHeaders: (url) =>
    raw(url, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, { milliseconds: 200 }),
  smuggled: (url) =>
    raw(
      url,
      head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"),
      { milliseconds: 200 },
    ),
  otherMethods: (url) =>
    raw(url, "PATCH /v1/completions HTTP/1.1\r\nHost: localhost\r\n\r\n", { milliseconds: 200 }),
  strangePath: (url) =>
    raw(url, "GET /%ff/..%2f\\x?\u00ff HTTP/1.1\r\nHost: localhost\r\n\r\n", { milliseconds: 200 }),
  wrongType: (url) =>
    send(url, { path: "/generate", body: "source=abc" }, { headers: { "content-type": "text/plain" } }),
  packed: (url) =>
    send(url, { path: "/generate", body: "\u001f\u008b" }, { headers: { "content-encoding": "gzip" } }),
};
