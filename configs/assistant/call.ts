/** The calls that requests are mapped to, and their validation against the tables of settings. */
import { z } from "zod";
import { DURATION_UNITS, type Control } from "./setting.js";
import { settingNamed } from "./settings.js";

export interface Call {
  /** Name of a setting, or {@link NO_CALL}. */
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

/** Name of the call for a request that is not about settings, or that asks to leave a setting as it is. */
export const NO_CALL = "none";

/** Maximum number of calls per request. */
const MAX_CALLS = 2;

/** The target of a request: one call is a JSON object, several are an array. */
export function targetOf(calls: readonly Call[]): string {
  return JSON.stringify(calls.length === 1 ? calls[0] : calls);
}

const callSchema = z.strictObject({ name: z.string(), arguments: z.looseObject({}) });
const targetSchema = z.union([callSchema, z.array(callSchema).min(2).max(MAX_CALLS)]);

/** Why a target is not a valid call; undefined if it is valid. */
export function targetProblem(target: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(target);
  } catch {
    return "not JSON";
  }
  const parsed = targetSchema.safeParse(value);
  if (!parsed.success) return "neither a call nor an array of two calls";
  const calls = Array.isArray(parsed.data) ? parsed.data : [parsed.data];
  for (const { name, arguments: values } of calls) {
    const schema = schemaOf(name);
    if (schema === undefined) return `no setting ${JSON.stringify(name)}`;
    const checked = schema.safeParse(values);
    if (!checked.success) return `${name}: ${checked.error.issues[0]?.message ?? "wrong arguments"}`;
  }
  return undefined;
}

const unit = z.enum(DURATION_UNITS);
const count = z.int().positive();
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "expected a time HH:MM");
const spokenName = z.string().trim().min(1);

const schemas = new Map<string, z.ZodType>([[NO_CALL, z.strictObject({})]]);

/** Schema of the calls with a name, created on first use; undefined for an unknown name. */
function schemaOf(name: string): z.ZodType | undefined {
  const known = schemas.get(name);
  const control = settingNamed(name)?.control;
  if (known !== undefined || control === undefined) return known;
  const schema = argumentsOf(control);
  schemas.set(name, schema);
  return schema;
}

/** Schema of the arguments of a setting's calls. */
function argumentsOf(control: Control): z.ZodType {
  switch (control.kind) {
    case "toggle":
      return toggleArguments(control);
    case "level":
      return z.union([
        z.strictObject({ level: z.int().min(0).max(100) }),
        z.strictObject({
          by: z
            .int()
            .min(-100)
            .max(100)
            .refine((by) => by !== 0),
        }),
        z.strictObject({ direction: z.enum(["up", "down"]), amount: z.enum(["little", "lot"]).optional() }),
      ]);
    case "choice": {
      const values = control.options.map(({ value }) => value);
      return z.strictObject({ value: z.literal(values) });
    }
    case "duration": {
      const lasting = z.strictObject({ duration: count, unit: z.enum(control.units) });
      return control.never === true
        ? z.union([lasting, z.strictObject({ never: z.literal(true) })])
        : lasting;
    }
    case "period":
      return z.strictObject({ from: time, to: time });
    case "name":
      return z.strictObject({ [control.slot]: spokenName });
  }
}

function toggleArguments({ app, timed }: Extract<Control, { readonly kind: "toggle" }>): z.ZodType {
  const state = z.enum(["on", "off"]);
  const forms: [z.ZodType, ...z.ZodType[]] = [z.strictObject({ state })];
  if (app === true) forms.push(z.strictObject({ state, app: spokenName }));
  if (timed === true) forms.push(z.strictObject({ state: z.literal("on"), duration: count, unit }));
  return z.union(forms);
}
