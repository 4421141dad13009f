/** The HTTP interface: OpenAI-compatible completions, `/generate`, health, metrics, and the OpenAPI description. */
import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { SLM_VERSION } from "@slm/core";
import {
  answerAll,
  answerStream,
  checkModel,
  responseHead,
  type AnswerOptions,
  type AnswerServices,
} from "./answer.js";
import type { ApiKeys } from "./api-keys.js";
import { invalidRequest, rejection, toHttpError, type HttpError } from "./http-error.js";
import { chatEvents, completionEvents, refusalOf, sourceOfMessages, usageOf } from "./openai-forms.js";
import { base64Length, imageOfBase64, imageOfMessages } from "./request-image.js";
import {
  chatRoute,
  completionsRoute,
  generateRoute,
  healthRoute,
  modelsRoute,
  reloadRoute,
} from "./routes.js";
import type { TextFormat } from "../text-formats.js";
import { chatLogprobs, completionLogprobs } from "../token-logprobs.js";
import type { completionRequest, healthResponse, ResponseFormat } from "./schemas.js";

export interface AppServices extends AnswerServices {
  /** API keys of clients; empty: no key is needed. */
  readonly keys: ApiKeys;
  /** API keys for `/admin`; empty: `/admin` is disabled. */
  readonly adminKeys: ApiKeys;
  /** Called with internal errors of the server. */
  readonly onFailure: (error: unknown) => void;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const ROUTES: ReadonlySet<string> = new Set([
  ...[completionsRoute, chatRoute, generateRoute, modelsRoute, healthRoute, reloadRoute].map(
    ({ path }) => path,
  ),
  ...["/metrics", "/openapi.json"],
]);

export function createApp(services: AppServices): OpenAPIHono {
  const { metrics, host } = services;
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) return send(invalidRequest(issueText(result.error.issues)));
    },
  });
  app.use(counted(services));
  app.use("/v1/*", guarded(services));
  app.use("/generate", guarded(services));
  app.use("/metrics", guarded(services));
  app.use("/admin/*", async (context, next) => {
    if (!services.adminKeys.allows(context.req.header("authorization")))
      return send(rejection("unauthorized"));
    await next();
  });
  app.use(limitedBody(() => bodyBytes(services)));
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
  app.get("/metrics", (context) => {
    const { waiting, active } = host.current.loop;
    return context.body(metrics.text({ waiting, active }), 200, { "content-type": METRICS_TYPE });
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  app.doc31("/openapi.json", { openapi: "3.1.0", info: { title: "slm serve", version: SLM_VERSION } });

  app.notFound(() => send(rejection("notFound")));
  app.onError((error) => {
    const known = rejectedByFramework(error) ?? toHttpError(error);
    if (known.status === 500) services.onFailure(error);
    return send(known);
  });
  return app;
}

function addAnswers(app: OpenAPIHono, services: AppServices): void {
  const { host } = services;
  app.openapi(completionsRoute, async (context) => {
    const request = context.req.valid("json");
    const served = host.current;
    checkModel(served, request.model);
    const head = responseHead("cmpl", served);
    const sources = typeof request.prompt === "string" ? [request.prompt] : request.prompt;
    const options = { ...optionsOf(request, request.max_tokens), logprobs: request.logprobs ?? undefined };
    if (request.stream) {
      const events = completionEvents(head, request.stream_options);
      return asStream(await answerStream(context, services, { sources, options, events }));
    }
    const answers = await answerAll(context, services, sources, options);
    const choices = answers.map(({ text, reason, logprobs, confidence, abstained }, index) => ({
      index,
      text,
      finish_reason: reason,
      logprobs: completionLogprobs(logprobs),
      confidence,
      abstained,
    }));
    return context.json(
      { ...head, object: "text_completion" as const, choices, usage: usageOf(answers) },
      200,
    );
  });
  app.openapi(chatRoute, async (context) => {
    const request = context.req.valid("json");
    const served = host.current;
    checkModel(served, request.model);
    const head = responseHead("chatcmpl", served);
    const sources = [sourceOfMessages(request.messages)];
    const options = {
      ...optionsOf(request, request.max_completion_tokens ?? request.max_tokens),
      image: imageOfMessages(request.messages, services.config),
      logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : undefined,
    };
    if (request.stream) {
      const events = chatEvents(head, request.stream_options);
      return asStream(await answerStream(context, services, { sources, options, events }));
    }
    const answers = await answerAll(context, services, sources, options);
    const choices = answers.map((answer, index) => ({
      index,
      message: { role: "assistant" as const, content: answer.text, refusal: refusalOf(answer) },
      finish_reason: answer.reason,
      logprobs: chatLogprobs(answer.logprobs),
      confidence: answer.confidence,
      abstained: answer.abstained,
    }));
    return context.json(
      { ...head, object: "chat.completion" as const, choices, usage: usageOf(answers) },
      200,
    );
  });
  app.openapi(generateRoute, async (context) => {
    const {
      responseFormat,
      source,
      image,
      repetitionPenalty,
      presencePenalty,
      frequencyPenalty,
      logitBias,
      maxTokens,
      ...others
    } = context.req.valid("json");
    const sources = Array.isArray(source) ? source : [source];
    const rules = { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias };
    const seen = image === undefined ? undefined : imageOfBase64(image, services.config);
    const options = {
      ...others,
      seed: others.seed,
      maxTokens,
      rules,
      image: seen,
      format: formatOf(responseFormat),
    };
    const answers = await answerAll(context, services, sources, options);
    return context.json({ results: answers.map((answer) => ({ ...answer })) }, 200);
  });
}

/** OpenAI's request options, and common extensions of other servers. */
function optionsOf(
  request: Omit<z.infer<typeof completionRequest>, "prompt" | "logprobs">,
  maxTokens: number | undefined,
): AnswerOptions {
  const { temperature, top_p: topP, top_k: topK, min_p: minP, seed, stop } = request;
  const rules = {
    repetitionPenalty: request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: request.logit_bias,
  };
  const format = formatOf(request.response_format);
  return { maxTokens, temperature, topP, topK, minP, rules, format, seed, stop };
}

function formatOf(asked: ResponseFormat): TextFormat {
  switch (asked.type) {
    case "text":
      return { kind: "text" };
    case "json_object":
      return { kind: "object" };
    case "json_schema":
      return { kind: "schema", schema: asked.json_schema.schema };
  }
}

function health({ host }: AppServices): z.infer<typeof healthResponse> {
  const { model, loadedAt, loop } = host.current;
  const { waiting, active } = loop;
  return { status: host.isDraining ? "draining" : "ready", model: model.name, loadedAt, waiting, active };
}

/** Cast needed because a stream's media type is not among the types of a JSON route. */
function asStream(response: Response): never {
  return response as never;
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

/** A body with Content-Length is checked by that header; others are counted while they arrive. */
function limitedBody(most: () => number): MiddlewareHandler {
  return async (context, next) => {
    const maxSize = most();
    const counting = bodyLimit({ maxSize, onError: () => send(rejection("tooLarge")) });
    const length = context.req.header("content-length");
    if (length === undefined || context.req.header("transfer-encoding") !== undefined)
      return counting(context, next);
    if (Number(length) > maxSize) return send(rejection("tooLarge"));
    await next();
  };
}

function guarded({ keys, host }: AppServices): MiddlewareHandler {
  return async (context, next) => {
    if (!keys.isEmpty && !keys.allows(context.req.header("authorization")))
      return send(rejection("unauthorized"));
    if (host.isDraining && context.req.method === "POST") return send(rejection("draining"));
    await next();
  };
}

function send({ status, body, headers }: HttpError): Response {
  return Response.json(body, { status, headers });
}

/** hono's own rejections: a body that is not JSON, or has another content type. */
function rejectedByFramework({
  status = 500,
  message,
}: Error & { readonly status?: number }): HttpError | undefined {
  return status >= 400 && status < 500 ? { ...invalidRequest(message), status } : undefined;
}

function issueText(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.map(String).join(".") || "body"}: ${message}`)
    .join("; ");
}
