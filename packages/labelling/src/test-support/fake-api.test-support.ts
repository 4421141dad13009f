/** A server on loopback with OpenAI's API. Tests set its answers. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface ApiCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** The last user message, or the prompt. */
  readonly asked: string;
}

/** A response: JSON with status 200, or the output of the function. */
export type Answering = (call: ApiCall, response: ServerResponse) => unknown;

export interface FakeApi {
  readonly baseUrl: string;
  /** Requests in order of arrival. */
  readonly calls: readonly ApiCall[];
  answering: Answering;
  close(): Promise<void>;
}

/** A chat completion that counts a token per character of `text`. */
export function chatAnswer(text: string, { finish = "stop", tokens = 10 } = {}): object {
  return {
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: text },
        finish_reason: finish,
      },
    ],
    usage: { prompt_tokens: tokens, completion_tokens: text.length, total_tokens: tokens + text.length },
  };
}

/** The source in capitals. */
export const capitals: Answering = ({ asked }) => chatAnswer(asked.toUpperCase());

export async function startFakeApi(answering: Answering = capitals): Promise<FakeApi> {
  const calls: ApiCall[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => (text += part));
    request.on("end", () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      const messages = (body.messages ?? [{ content: body.prompt }]) as { content: string }[];
      const call = { path: request.url!, headers: request.headers, body, asked: messages.at(-1)!.content };
      calls.push(call);
      const value = api.answering(call, response);
      if (value === undefined) return;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(value));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const api: FakeApi = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    answering,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return api;
}

/** Writes an error in OpenAI's format. */
export function reject(
  response: ServerResponse,
  status: number,
  error: object,
  headers: Record<string, string> = {},
): undefined {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error }));
  return undefined;
}
