/** Answers a checked request, as one response or as server-sent events. */
import { randomBytes, randomInt } from "node:crypto";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { SlmError } from "@slm/core";
import type { ReadRequest } from "../requests/read-request.js";
import type { BatchedModel } from "../model/batched-model.js";
import type { TextAnswer, TextRequest } from "../model/text-request.js";
import type { ModelHost } from "../model/model-host.js";
import type { ServerMetrics } from "../metrics.js";
import type { ServeConfig } from "../serve-config.js";
import { ClientGone, toHttpError } from "./connection/http-error.js";
import { withStopSignal, type Stopping } from "./stop-signal.js";

export interface AnswerServices {
  readonly host: ModelHost;
  readonly metrics: ServerMetrics;
  readonly config: ServeConfig;
}

/** A request and its model. */
export interface Question {
  readonly served: BatchedModel;
  readonly request: ReadRequest;
}

/** Identity of a response, with OpenAI's field names. */
export interface ResponseHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Ids have a random part, drawn once, and a counter. A random draw per id would cost more than the rest of the response. */
const idPrefix = randomBytes(9).toString("hex");
let lastId = 0;

export function responseHead(prefix: string, served: BatchedModel): ResponseHead {
  return {
    id: `${prefix}-${idPrefix}${(++lastId).toString(16).padStart(6, "0")}`,
    created: Math.floor(Date.now() / 1000),
    model: served.model.name,
  };
}

/** @throws SlmError USAGE if the request names a model that is not served. */
export function checkModel({ served, request: { model: asked } }: Question): void {
  const { name, title } = served.model;
  if (asked === undefined || asked === "" || asked === name || asked === title) return;
  throw new SlmError("USAGE", `no model '${asked}'; this server serves '${name}'`);
}

/** Answers every source. All are checked before the first is queued, and they are queued together or not at all. */
export async function answerAll(
  context: Context,
  services: AnswerServices,
  question: Question,
): Promise<readonly TextAnswer[]> {
  return withStopSignal(context, services.config, (stopping) => answerEach(services, question, stopping));
}

type Piece = (index: number, text: string) => void;

async function answerEach(
  { metrics }: AnswerServices,
  { served, request }: Question,
  { signal, abort }: Stopping,
  onText?: Piece,
): Promise<readonly TextAnswer[]> {
  try {
    const rules = served.rulesOf(request.options.rules, request.opening);
    const prepared = await Promise.all(
      request.sources.map((source, index) =>
        served.prepare({
          ...textRequest(request, index),
          rules,
          source,
          signal,
          onText:
            onText &&
            ((piece) => {
              onText(index, piece);
            }),
        }),
      ),
    );
    if (!served.hasRoom(prepared.length))
      throw new SlmError("BUSY", "too many requests are waiting; try again in a moment");
    return await Promise.all(
      prepared.map(async ({ run }) => {
        const answer = await run();
        metrics.onAnswer(answer);
        return answer;
      }),
    );
  } catch (error) {
    abort(); // If one source fails, the request fails, so the others are cancelled.
    throw error;
  }
}

/** The generation request of one source. */
function textRequest(
  { image, opening, formats, options }: ReadRequest,
  index: number,
): Omit<TextRequest, "source" | "rules" | "signal"> {
  const { maxTokens, temperature, stop, logprobs } = options;
  return {
    image,
    start: opening?.start,
    maxTokens,
    format: formats[index],
    stop,
    logprobs,
    sampling: temperature === 0 ? undefined : samplingOf(options, index),
  };
}

/** Each source of a request has its own random seed. */
function samplingOf(
  { temperature, topP, topK, minP, seed }: ReadRequest["options"],
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
  question: Question,
  events: StreamEvents,
): Promise<Response> {
  const queue: object[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  let cancel: (reason: unknown) => void = () => undefined;
  const send = (event: object): void => {
    queue.push(event);
    wake();
  };
  const answers = withStopSignal(context, services.config, async (stopping) => {
    cancel = stopping.abort;
    const all = await answerEach(services, question, stopping, (index, text) => {
      send(events.piece(index, text));
    });
    all.forEach((answer, index) => {
      send(events.end(index, answer));
    });
    const last = events.last(all);
    if (last !== undefined) send(last);
  }).finally(() => {
    isOver = true;
    wake();
  });
  // Before the first event a failure is returned as a status.
  await Promise.race([answers, nextEvent()]);
  return streamSSE(context, async (stream) => {
    stream.onAbort(() => {
      cancel(new ClientGone());
    });
    try {
      for (const [index] of events.start === undefined ? [] : question.request.sources.entries()) {
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
