/** Messages between a benchmark and the process of a model. Both sides validate what they receive. */
import { ERROR_EXIT, type ErrorCode } from "@slm/core";
import { ENGINES } from "@slm/exported-model";
import { z } from "zod";
import { machineRates } from "../machine/rates.js";
import { runtimeModule } from "./runtime-module.js";
import { openedSchema, promptSchema, sampleSchema } from "./timed-model.js";

export const requestSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("open"),
    directory: z.string(),
    runtime: runtimeModule,
    endless: z.boolean().describe("Whether EOS is suppressed."),
    engine: z.enum(ENGINES).optional().describe("What runs the model."),
    batch: z.int().positive().describe("Batch size: copies of a prompt that are decoded together."),
  }),
  z.strictObject({ kind: z.literal("run"), prompt: promptSchema, maxTokens: z.int().positive().nullable() }),
  z.strictObject({ kind: z.literal("memory") }),
  z.strictObject({ kind: z.literal("rates"), runtime: runtimeModule }),
  z.strictObject({ kind: z.literal("close") }),
]);
export type Request = z.infer<typeof requestSchema>;

const errorCode = z.custom<ErrorCode>(
  (value) => typeof value === "string" && Object.hasOwn(ERROR_EXIT, value),
);

export const replySchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("opened"), opened: openedSchema }),
  z.strictObject({ kind: z.literal("ran"), sample: sampleSchema }),
  z.strictObject({ kind: z.literal("memory"), peakRssBytes: z.int().positive() }),
  z.strictObject({ kind: z.literal("rates"), rates: machineRates }),
  z.strictObject({ kind: z.literal("closed") }),
  z.strictObject({
    kind: z.literal("failed"),
    code: errorCode,
    message: z.string(),
    suggestions: z.array(z.string()),
  }),
]);
export type Reply = z.infer<typeof replySchema>;
