/** Checks that an answer must pass to be kept: a table by kind. */
import { z } from "zod";

export const validityConfig = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("json").describe("The whole target is one JSON value.") }),
  z.strictObject({
    kind: z
      .literal("jsonObject")
      .describe("The target is a JSON object, or an array of at least one, such as function calls."),
    keys: z.array(z.string().min(1)).default([]).describe("Keys that every object must have."),
  }),
  z.strictObject({
    kind: z.literal("jsonSchema").describe("The whole target is one JSON value that follows a JSON schema."),
    schema: z
      .record(z.string(), z.json())
      .superRefine((schema, context) => {
        const problem = schemaProblem(schema);
        if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
      })
      .describe("JSON Schema 2020-12: type, properties, required, enum, items, $ref to $defs, and so on."),
  }),
  z.strictObject({
    kind: z.literal("regex").describe("The whole target matches a regular expression."),
    pattern: z
      .string()
      .min(1)
      .refine(isPattern, "expected a regular expression of JavaScript, in Unicode mode")
      .describe("Regular expression of JavaScript, in Unicode mode."),
  }),
]);

export type ValidityConfig = z.infer<typeof validityConfig>;
type Kind = ValidityConfig["kind"];

const CHECKS: {
  readonly [K in Kind]: (
    settings: Extract<ValidityConfig, { readonly kind: K }>,
  ) => (text: string) => boolean;
} = {
  json: () => (text) => parsed(text) !== undefined,
  jsonObject:
    ({ keys }) =>
    (text) => {
      const value = parsed(text)?.value;
      const objects = Array.isArray(value) ? (value as unknown[]) : [value];
      return (
        objects.length > 0 &&
        objects.every((one) => isObject(one) && keys.every((key) => Object.hasOwn(one, key)))
      );
    },
  jsonSchema: ({ schema }) => {
    const expected = z.fromJSONSchema(schema);
    return (text) => {
      const found = parsed(text);
      return found !== undefined && expected.safeParse(found.value).success;
    };
  },
  regex: ({ pattern }) => {
    const whole = new RegExp(`^(?:${pattern})$`, "u");
    return (text) => whole.test(text);
  },
};

/** The check of a setting; without one every text is valid. */
export function validityCheck(settings: ValidityConfig | undefined): (text: string) => boolean {
  if (settings === undefined) return () => true;
  return (CHECKS[settings.kind] as (one: ValidityConfig) => (text: string) => boolean)(settings);
}

/** The value of a JSON text in an object, so that `null` differs from none. */
function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Why a schema cannot be checked. */
function schemaProblem(schema: Parameters<typeof z.fromJSONSchema>[0]): string | undefined {
  try {
    z.fromJSONSchema(schema);
    return undefined;
  } catch (error) {
    return `expected a JSON schema: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").unicode;
  } catch {
    return false;
  }
}
