/**
 * The part of `@huggingface/jinja` that is used, with its types: the package's own declarations import one another without file
 * extensions, which TypeScript does not resolve for ES modules.
 */
import * as jinja from "@huggingface/jinja";

interface Environment {
  set(name: string, value: unknown): unknown;
}

interface Library {
  readonly Template: new (source: string) => { readonly parsed: object };
  readonly Environment: new () => Environment;
  readonly Interpreter: new (environment: Environment) => {
    run(program: object): { readonly value: unknown };
  };
}

/** A template that was parsed; gives its text for the values of its variables. */
export type ParsedTemplate = (variables: Readonly<Record<string, unknown>>) => string;

/**
 * Parses a Jinja template.
 *
 * The library's own globals are not used: `range` is bounded by whoever calls, and there is no clock (`strftime_now`), so that a
 * template gives the same text every day.
 *
 * @throws Error of the library for a template it cannot parse, or, later, cannot fill.
 */
export function parseTemplate(source: string): ParsedTemplate {
  const library: unknown = jinja;
  if (!isLibrary(library))
    throw new TypeError("@huggingface/jinja has no Template, Environment or Interpreter");
  const { parsed } = new library.Template(source);
  return (variables) => {
    const environment = new library.Environment();
    for (const [name, value] of Object.entries({ ...CONSTANTS, ...variables })) environment.set(name, value);
    const { value } = new library.Interpreter(environment).run(parsed);
    if (typeof value !== "string") throw new TypeError(`the template gave ${typeof value}, expected text`);
    return value;
  };
}

const CONSTANTS = { false: false, true: true, none: null, False: false, True: true, None: null } as const;

function isLibrary(value: unknown): value is Library {
  if (typeof value !== "object" || value === null) return false;
  return ["Template", "Environment", "Interpreter"].every(
    (name) => typeof Reflect.get(value, name) === "function",
  );
}
