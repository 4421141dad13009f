/** The calls that requests become, and the check that they are right by the tables of settings. */
import { z } from "zod";
import { DURATION_UNITS, type Control } from "./setting.js";
import { settingNamed } from "./settings.js";

export interface Call {
  /** Name of a setting, or {@link NO_CALL}. */
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

/** Name of the call that stands for a request to leave things as they are, or about anything else than settings. */
export const NO_CALL = "none";

/** Most calls of one request. */
const MAX_CALLS = 2;

/** The target of a request: one call as a JSON object, several as an array of them. */
export function targetOf(calls: readonly Call[]): string {
  return JSON.stringify(calls.length === 1 ? calls[0] : calls);
}

const callSchema = z.strictObject({ name: z.string(), arguments: z.looseObject({}) });
const targetSchema = z.union([callSchema, z.array(callSchema).min(2).max(MAX_CALLS)]);

/** Why a target is no call of a known setting with right arguments; undefined if it is. */
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

/** Of the calls of a name, made when first asked for; undefined for a name that is none. */
function schemaOf(name: string): z.ZodType | undefined {
  const known = schemas.get(name);
  const control = settingNamed(name)?.control;
  if (known !== undefined || control === undefined) return known;
  const schema = argumentsOf(control);
  schemas.set(name, schema);
  return schema;
}

/** What the arguments of a setting's calls are. */
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
