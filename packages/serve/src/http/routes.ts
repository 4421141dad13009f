/** OpenAPI descriptions of every path of the server. */
import { createRoute, type z } from "@hono/zod-openapi";
import { chatRequest, completionRequest, generateRequest } from "../requests/request-schemas.js";
import {
  chatResponse,
  completionResponse,
  errorResponse,
  generateResponse,
  healthResponse,
  modelsResponse,
} from "../requests/response-schemas.js";

const json = <Schema extends z.ZodType>(schema: Schema, description: string) =>
  ({ description, content: { "application/json": { schema } } }) as const;

const body = <Schema extends z.ZodType>(schema: Schema) =>
  ({ body: { required: true, content: { "application/json": { schema } } } }) as const;

const rejections = {
  400: json(errorResponse, "The request is invalid, or exceeds the model's limits."),
  401: json(errorResponse, "No valid API key."),
  413: json(errorResponse, "The body is too large."),
  429: json(errorResponse, "The queue is full."),
  503: json(errorResponse, "The server is stopping."),
  504: json(errorResponse, "The request timed out."),
} as const;

const security = [{ bearer: [] }];

export const completionsRoute = createRoute({
  method: "post",
  path: "/v1/completions",
  summary: "Complete one or several prompts; with stream, as server-sent events.",
  security,
  request: body(completionRequest),
  responses: { 200: json(completionResponse, "The answers."), ...rejections },
});

export const chatRoute = createRoute({
  method: "post",
  path: "/v1/chat/completions",
  summary: "Complete a conversation; with stream, as server-sent events.",
  security,
  request: body(chatRequest),
  responses: { 200: json(chatResponse, "The answer."), ...rejections },
});

export const generateRoute = createRoute({
  method: "post",
  path: "/generate",
  summary: "Generate for one or several sources, with timings.",
  security,
  request: body(generateRequest),
  responses: { 200: json(generateResponse, "The answers, in the order of the sources."), ...rejections },
});

export const modelsRoute = createRoute({
  method: "get",
  path: "/v1/models",
  summary: "The model that is served.",
  security,
  responses: { 200: json(modelsResponse, "A list with one model."), 401: rejections[401] },
});

export const healthRoute = createRoute({
  method: "get",
  path: "/health",
  summary: "Whether the server accepts requests.",
  responses: { 200: json(healthResponse, "It does."), 503: json(healthResponse, "The server is stopping.") },
});

export const reloadRoute = createRoute({
  method: "post",
  path: "/admin/reload",
  summary: "Reload the bundle from disk; needs the administrator's key.",
  security,
  responses: {
    200: json(healthResponse, "The new model is in use."),
    401: rejections[401],
    503: rejections[503],
  },
});
