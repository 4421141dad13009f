/** The HTTP interface: OpenAI-compatible completions, `/generate`, health, metrics, and the OpenAPI description. */
import type { HttpBindings } from "@hono/node-server";
import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { SLM_VERSION } from "@slm/core";
import {
  answerAll,
  answerStream,
  checkModel,
  responseHead,
  type AnswerServices,
  type ResponseHead,
  type StreamEvents,
} from "./answer.js";
import type { ApiKeys } from "./api-keys.js";
import { RequestBodies } from "./connection/request-body.js";
import { Rejected, rejection, toHttpError, type HttpError } from "./connection/http-error.js";
import { chatChoice, chatEvents, completionChoice, completionEvents, usageOf } from "./openai-forms.js";
import {
  chatRoute,
  completionsRoute,
  generateRoute,
  healthRoute,
  modelsRoute,
  reloadRoute,
} from "./routes.js";
import type { generateResponse, healthResponse } from "../requests/response-schemas.js";
import { withStopSignal } from "./stop-signal.js";
import type { RequestForm } from "../requests/request-forms.js";
import { base64Length } from "../requests/request-image.js";
import { wholeText, type WholeForm } from "./whole-answer.js";

export interface AppServices extends AnswerServices {
  /** API keys of clients; empty: no key is needed. */
  readonly keys: ApiKeys;
  /** API keys for `/admin`; empty: `/admin` is disabled. */
  readonly adminKeys: ApiKeys;
  /** Whether requests with this `Host` are answered. */
  readonly isAllowedHost: (host: string | undefined) => boolean;
  /** Called with internal errors of the server. */
  readonly onFailure: (error: unknown) => void;
}

const ROUTES: ReadonlySet<string> = new Set([
  ...[completionsRoute, chatRoute, generateRoute, modelsRoute, healthRoute, reloadRoute].map(
    ({ path }) => path,
  ),
  "/metrics",
  "/openapi.json",
]);

export function createApp(services: AppServices): OpenAPIHono {
  const { metrics, host } = services;
  const app = new OpenAPIHono();
  app.use(counted(services));
  app.use(addressed(services));
  app.use("/v1/*", guarded(services));
  app.use("/generate", guarded(services));
  app.use("/metrics", guarded(services));
  app.use("/admin/*", async (context, next) => {
    if (!services.adminKeys.allows(context.req.header("authorization")))
      return send(rejection("unauthorized"));
    await next();
  });
  addAnswers(app, services);

  app.openapi(modelsRoute, (context) => {
    const { model, loadedAt } = host.current;
    const entry = { id: model.name, object: "model" as const, created: loadedAt, owned_by: "slm" };
    return context.json({ object: "list" as const, data: [entry] }, 200);
  });
  app.openapi(healthRoute, (context) => context.json(health(services), host.isDraining ? 503 : 200));
  app.openapi(reloadRoute, async (context) => {
    await host.reload();
    metrics.onReload();
    return context.json(health(services), 200);
  });
  app.get("/metrics", async (context) => {
    const { waiting, active } = host.current.loop;
    const text = await metrics.text({ waiting, active });
    return context.body(text, 200, { "content-type": metrics.contentType });
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  addDescription(app);

  app.notFound(() => send(rejection("notFound")));
  app.onError((error) => {
    const known = toHttpError(error);
    if (known.status === 500) services.onFailure(error);
    return send(known);
  });
  return app;
}

/** The OpenAPI description. It needs no key and is created once, because creating it takes longer than most answers. */
function addDescription(app: OpenAPIHono): void {
  let text: string | undefined;
  app.get("/openapi.json", (context) => {
    const info = { title: "slm serve", version: SLM_VERSION };
    text ??= JSON.stringify(app.getOpenAPI31Document({ openapi: "3.1.0", info }));
    return context.body(text, 200, { "content-type": "application/json" });
  });
}

interface AnswerForm {
  readonly route: typeof completionsRoute | typeof chatRoute | typeof generateRoute;
  /** Prefix of response ids. */
  readonly prefix: string;
  readonly whole: WholeForm;
  /** Undefined for a form that cannot be streamed. */
  readonly events: ((head: ResponseHead, includeUsage: boolean) => StreamEvents) | undefined;
}

/** One row per form of a request: its path, its complete answer and its stream. */
const ANSWERS: Readonly<Record<RequestForm, AnswerForm>> = {
  completions: {
    route: completionsRoute,
    prefix: "cmpl",
    whole: {
      list: "choices",
      item: completionChoice,
      rest: (head, answers) => ({ ...head, object: "text_completion", usage: usageOf(answers) }),
    },
    events: completionEvents,
  },
  chat: {
    route: chatRoute,
    prefix: "chatcmpl",
    whole: {
      list: "choices",
      item: chatChoice,
      rest: (head, answers) => ({ ...head, object: "chat.completion", usage: usageOf(answers) }),
    },
    events: chatEvents,
  },
  generate: {
    route: generateRoute,
    prefix: "gen",
    whole: {
      list: "results",
      item: (answer) => answer satisfies z.input<typeof generateResponse>["results"][number],
      rest: () => ({}),
    },
    events: undefined,
  },
};

function addAnswers(app: OpenAPIHono, services: AppServices): void {
  const { host } = services;
  const bodies = new RequestBodies();
  for (const [form, { route, prefix, whole, events }] of Object.entries(ANSWERS) as [
    RequestForm,
    AnswerForm,
  ][]) {
    app.openAPIRegistry.registerPath(route);
    app.post(route.path, async (context) => {
      if (!isJson(context.req.header("content-type"))) throw new Rejected("notJson");
      return bodies.read(context, bodyBytes(services), (bytes) => {
        // Reject after the body was read: closing a connection with unread bytes resets it.
        if (host.isDraining) throw new Rejected("draining");
        return host.current.track(async (served) => {
          const request = await withStopSignal(context, services.config, ({ signal }) =>
            served.read(form, bytes, signal),
          );
          const question = { served, request };
          checkModel(question);
          const head = responseHead(prefix, served);
          if (request.stream && events !== undefined)
            return answerStream(context, services, question, events(head, request.includeUsage));
          const answers = await answerAll(context, services, question);
          const text = await wholeText(whole, head, answers);
          return context.body(text, 200, { "content-type": "application/json" });
        });
      });
    });
  }
}

/** Source: RFC 8259 and RFC 6839, section 3.1. */
function isJson(contentType = ""): boolean {
  return /^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/iu.test(contentType);
}

function health({ host }: AppServices): z.infer<typeof healthResponse> {
  const { model, loadedAt, loop } = host.current;
  const { waiting, active } = loop;
  return { status: host.isDraining ? "draining" : "ready", model: model.name, loadedAt, waiting, active };
}

/** Counts responses by route. Unknown paths share one counter, because clients could otherwise create any number of counters. */
function counted({ metrics }: AppServices): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { path } = context.req;
    metrics.onResponse(ROUTES.has(path) ? path : "unknown", context.res.status);
  };
}

/** Size limit of a request body [bytes]; larger for vision-language models. */
function bodyBytes({ config, host }: AppServices): number {
  const { maxBodyBytes, maxImageBytes } = config;
  return host.current.model.vision === undefined ? maxBodyBytes : maxBodyBytes + base64Length(maxImageBytes);
}

/** Rejects a request whose `Host` is not allowed. Without a server, as in tests, a request has no such header. */
function addressed({ isAllowedHost }: AppServices): MiddlewareHandler {
  return async (context, next) => {
    const incoming = (context.env as Partial<HttpBindings> | undefined)?.incoming;
    if (incoming !== undefined && !isAllowedHost(incoming.headers.host)) return send(rejection("host"));
    await next();
  };
}

function guarded({ keys }: AppServices): MiddlewareHandler {
  return async (context, next) => {
    if (!keys.isEmpty && !keys.allows(context.req.header("authorization")))
      return send(rejection("unauthorized"));
    await next();
  };
}

function send({ status, body, headers }: HttpError): Response {
  return Response.json(body, { status, headers });
}
