/** Answers a checked request, as one response or as server-sent events. */
import { randomBytes, randomInt } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { TokenRules } from "@slm/decoding";
import { SlmError } from "@slm/core";
import type { ImageSource } from "@slm/vision";
import type { ServedModel, TextAnswer, TextRequest } from "../served-model.js";
import type { ModelHost } from "../model-host.js";
import type { ServerMetrics } from "../metrics.js";
import type { TextFormat } from "../text-formats.js";
import type { ServeConfig } from "../serve-config.js";
import { ClientGone, RequestTimeout, toHttpError } from "./http-error.js";

export interface AnswerServices {
  readonly host: ModelHost;
  readonly metrics: ServerMetrics;
  readonly config: ServeConfig;
}

/** Generation options, shared by all sources of a request. */
export interface AnswerOptions {
  /** The image of all sources. */
  readonly image?: ImageSource | undefined;
  readonly maxTokens: number | undefined;
  /** 0: greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0: all tokens. */
  readonly topK: number;
  readonly minP: number;
  readonly rules: TokenRules;
  readonly format: TextFormat;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** Alternatives per token; undefined: no log-probabilities. */
  readonly logprobs?: number | undefined;
}

/** Identity of a response, in OpenAI's words. */
export interface ResponseHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Ids have a random part, drawn once, and a counter. Drawing each id would cost more than the rest of the response. */
const idPrefix = randomBytes(9).toString("hex");
let lastId = 0;

export function responseHead(prefix: string, served: ServedModel): ResponseHead {
  return {
    id: `${prefix}-${idPrefix}${(++lastId).toString(16).padStart(6, "0")}`,
    created: Math.floor(Date.now() / 1000),
    model: served.model.name,
  };
}

/** @throws SlmError USAGE if the request names another model than the served one. */
export function checkModel(served: ServedModel, asked: string | undefined): void {
  const { name, title } = served.model;
  if (asked === undefined || asked === "" || asked === name || asked === title) return;
  throw new SlmError("USAGE", `no model '${asked}'; this server has '${name}'`);
}

/** Answers every source. All are checked before the first is queued; they are queued together or not at all. */
export async function answerAll(
  context: Context,
  services: AnswerServices,
  sources: readonly Question[],
  options: AnswerOptions,
): Promise<readonly TextAnswer[]> {
  const stopping = stopSignal(context, services.config);
  try {
    return await answerEach(services, sources, { ...options, signal: stopping.signal });
  } catch (error) {
    stopping.abort(); // If one source fails, the request fails, so the others are cancelled.
    throw error;
  } finally {
    stopping.clear();
  }
}

/** A text, or undefined for the model's default prompt. */
export type Question = TextRequest["source"];

type Piece = (index: number, text: string) => void;

function answerEach(
  { host, metrics, config }: AnswerServices,
  sources: readonly Question[],
  options: AnswerOptions & { readonly signal: AbortSignal; readonly onText?: Piece },
): Promise<readonly TextAnswer[]> {
  if (sources.length > config.maxBatch) {
    throw new SlmError("USAGE", `a request may hold ${config.maxBatch} sources, got ${sources.length}`);
  }
  const served = host.current;
  const prepared = sources.map((source, index) => served.prepare(textRequest(source, index, options)));
  if (!served.hasRoom(prepared.length)) {
    throw new SlmError("BUSY", "too many requests are waiting; try again in a moment");
  }
  return Promise.all(
    prepared.map(async ({ run }) => {
      const answer = await run();
      metrics.onAnswer(answer);
      return answer;
    }),
  );
}

function textRequest(
  source: Question,
  index: number,
  options: AnswerOptions & { readonly signal: AbortSignal; readonly onText?: Piece },
): TextRequest {
  const { image, maxTokens, temperature, rules, format, stop, logprobs, signal, onText } = options;
  return {
    source,
    image,
    stop,
    rules,
    format,
    logprobs,
    signal,
    maxTokens,
    sampling: temperature === 0 ? undefined : samplingOf(options, index),
    onText:
      onText &&
      ((piece) => {
        onText(index, piece);
      }),
  };
}

/** Each source of a request has its own random seed. */
function samplingOf(
  { temperature, topP, topK, minP, seed }: AnswerOptions,
  index: number,
): NonNullable<TextRequest["sampling"]> {
  const base = { temperature, topP, minP, seed: (seed ?? randomInt(2 ** 31 - 1)) + index };
  return topK === 0 ? base : { ...base, topK };
}

/** The events of a stream: one per piece, one at the end of each answer, and one at the end. */
export interface StreamEvents {
  readonly start?: (index: number) => object;
  readonly piece: (index: number, text: string) => object;
  readonly end: (index: number, answer: TextAnswer) => object;
  readonly last: (answers: readonly TextAnswer[]) => object | undefined;
}

/**
 * Answers as server-sent events. A failure before the first token is returned as an HTTP status. A later failure is an event, because
 * the status has been sent.
 */
export async function answerStream(
  context: Context,
  services: AnswerServices,
  {
    sources,
    options,
    events,
  }: {
    readonly sources: readonly Question[];
    readonly options: AnswerOptions;
    readonly events: StreamEvents;
  },
): Promise<Response> {
  const stopping = stopSignal(context, services.config);
  const queue: object[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  const send = (event: object): void => {
    queue.push(event);
    wake();
  };
  const answers = answerEach(services, sources, {
    ...options,
    signal: stopping.signal,
    onText: (index, text) => {
      send(events.piece(index, text));
    },
  })
    .then((all) => {
      all.forEach((answer, index) => {
        send(events.end(index, answer));
      });
      const last = events.last(all);
      if (last !== undefined) send(last);
    })
    .finally(() => {
      isOver = true;
      stopping.clear();
      wake();
    });
  // Before the first event a failure is returned as a status.
  await Promise.race([answers, nextEvent()]);
  return streamSSE(context, async (stream) => {
    stream.onAbort(() => {
      stopping.abort(new ClientGone());
    });
    try {
      for (const [index] of events.start === undefined ? [] : sources.entries()) {
        await stream.writeSSE({ data: JSON.stringify(events.start?.(index)) });
      }
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          await stream.writeSSE({ data: JSON.stringify(event) });
        }
        if (isOver) break;
        await Promise.race([answers.catch(() => undefined), nextEvent()]);
      }
      await answers;
      await stream.writeSSE({ data: "[DONE]" });
    } catch (error) {
      if (!(error instanceof ClientGone))
        await stream.writeSSE({ data: JSON.stringify(toHttpError(error).body) });
    }
  });

  function nextEvent(): Promise<void> {
    if (queue.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      wake = resolve;
    });
  }
}

interface Stopping {
  readonly signal: AbortSignal;
  readonly abort: (reason?: unknown) => void;
  readonly clear: () => void;
}

/** Fires when the client disconnects or the request times out. */
function stopSignal(context: Context, { timeoutSeconds }: ServeConfig): Stopping {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new RequestTimeout(timeoutSeconds));
  }, timeoutSeconds * 1000);
  const onGone = (): void => {
    controller.abort(new ClientGone());
  };
  const unwatch = watchClient(context, onGone);
  return {
    signal: controller.signal,
    abort: (reason) => {
      controller.abort(reason);
    },
    clear: () => {
      clearTimeout(timer);
      unwatch();
    },
  };
}

/** Calls back when the client closes its connection before the answer is sent. @returns a function that stops watching */
function watchClient(context: Context, onGone: () => void): () => void {
  // Without a server, as in tests, an application has no bindings.
  const outgoing = (context.env as Partial<HttpBindings> | undefined)?.outgoing;
  if (outgoing === undefined) {
    const { signal } = context.req.raw;
    signal.addEventListener("abort", onGone);
    return () => {
      signal.removeEventListener("abort", onGone);
    };
  }
  // Node's response is cheaper to watch than the request's signal, which would build a whole Request object.
  const onClose = (): void => {
    if (!outgoing.writableFinished) onGone();
  };
  outgoing.on("close", onClose);
  return () => {
    outgoing.off("close", onClose);
  };
}
