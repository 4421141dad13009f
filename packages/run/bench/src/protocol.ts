/** What a benchmark and the process of one model say to each other. Both sides check what they receive. */
import { ERROR_EXIT, type ErrorCode } from "@slm/error";
import { z } from "zod";
import { openedSchema, sampleSchema } from "./timed-model.js";

/** A runtime as a module to import: functions do not cross processes. */
export const runtimeModule = z.strictObject({
  module: z.string().describe("What `import()` takes: a file URL."),
  export: z.string().describe("Name of the exported function that makes the runtime."),
  options: z.record(z.string(), z.json()).describe("The function's only argument."),
});
export type RuntimeModule = z.infer<typeof runtimeModule>;

export const requestSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("open"), directory: z.string(), runtime: runtimeModule }),
  z.strictObject({
    kind: z.literal("run"),
    prompt: z.string(),
    maxTokens: z.int().positive(),
    ignoreEos: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("memory") }),
  z.strictObject({ kind: z.literal("close") }),
]);
export type Request = z.infer<typeof requestSchema>;

const errorCode = z.custom<ErrorCode>((value) => typeof value === "string" && Object.hasOwn(ERROR_EXIT, value));

export const replySchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("opened"), opened: openedSchema }),
  z.strictObject({ kind: z.literal("ran"), sample: sampleSchema }),
  z.strictObject({ kind: z.literal("memory"), peakRssBytes: z.int().positive() }),
  z.strictObject({ kind: z.literal("closed") }),
  z.strictObject({
    kind: z.literal("failed"),
    code: errorCode,
    message: z.string(),
    suggestions: z.array(z.string()),
  }),
]);
export type Reply = z.infer<typeof replySchema>;
