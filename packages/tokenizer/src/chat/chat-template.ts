/** Chat templates: render messages to the prompt format that a chat model was trained on. */
import * as jinja from "@huggingface/jinja";
import { SlmError } from "@slm/core";

// Types for the part of `@huggingface/jinja` that slm uses. The package's own declarations import without file extensions, which
// TypeScript does not resolve for ES modules.

interface Environment {
  set(name: string, value: unknown): unknown;
}

interface Library {
  readonly Template: new (source: string) => { readonly parsed: object };
  readonly Environment: new () => Environment;
  readonly Interpreter: new (environment: Environment) => Interpreter;
}

interface Interpreter {
  run(program: object): { readonly value: unknown };
  /** Called for every statement and expression. */
  evaluate: (statement: object, environment: Environment) => { readonly value: unknown };
}

/** A parsed template, which renders text from the values of its variables. */
type ParsedTemplate = (variables: Readonly<Record<string, unknown>>) => string;

/**
 * Parses a Jinja template.
 *
 * The library's globals are not available: the caller limits `range`, and there is no clock (`strftime_now`), so a template renders the same
 * text every day.
 *
 * @throws the library's Error if the template cannot be parsed or, later, rendered.
 */
function parseTemplate(source: string): ParsedTemplate {
  const library: unknown = jinja;
  if (!isLibrary(library))
    throw new TypeError("@huggingface/jinja has no Template, Environment or Interpreter");
  const { parsed } = new library.Template(source);
  return (variables) => {
    const environment = new library.Environment();
    for (const [name, value] of Object.entries({ ...CONSTANTS, ...variables })) environment.set(name, value);
    const interpreter = new library.Interpreter(environment);
    boundSteps(interpreter);
    const { value } = interpreter.run(parsed);
    if (typeof value !== "string")
      throw new TypeError(`the template returned ${typeof value}, expected text`);
    return value;
  };
}

/** Most statements and expressions per rendering. Real templates evaluate a few hundred per message. */
const MAX_STEPS = 500_000;
/** Longest text that a template may render [UTF-16 units]. */
const MAX_TEXT = 16 * 1024 * 1024;

/** Limits nested loops, and texts that double with every turn of a loop. */
function boundSteps(interpreter: Interpreter): void {
  const evaluate = interpreter.evaluate.bind(interpreter);
  let steps = 0;
  interpreter.evaluate = (statement, environment) => {
    if (++steps > MAX_STEPS) throw new RangeError(`the template needs more than ${MAX_STEPS} steps`);
    const result = evaluate(statement, environment);
    if (typeof result.value === "string" && result.value.length > MAX_TEXT)
      throw new RangeError(`the template renders more than ${MAX_TEXT} characters`);
    return result;
  };
}

const CONSTANTS = { false: false, true: true, none: null, False: false, True: true, None: null } as const;

function isLibrary(value: unknown): value is Library {
  if (typeof value !== "object" || value === null) return false;
  return ["Template", "Environment", "Interpreter"].every(
    (name) => typeof Reflect.get(value, name) === "function",
  );
}

export interface ChatMessage {
  /** `system`, `user`, `assistant`, or another role of the template. */
  readonly role: string;
  readonly content: string;
}

interface RenderOptions {
  /** Whether to append the start of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Other variables of the template, such as `tools` or `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

export interface ChatTemplate {
  /**
   * Renders messages to a prompt.
   *
   * @throws SlmError DATA_INVALID if there are no messages, a message contains a special token, or the template rejects the messages.
   */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
}

export interface ChatTemplateRequest {
  /** The template, in Jinja. */
  readonly source: string;
  /** Where the template comes from, for error messages. */
  readonly where: string;
  /** Variables with special tokens, such as `bos_token`. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Texts that messages must not contain because they would become special tokens. */
  readonly special: readonly string[];
}

/** Real templates have up to 20 kB. [UTF-16 units] */
const MAX_TEMPLATE = 256 * 1024;
/** Limit of the total length of all `range` calls per rendering. Real templates need little. */
const MAX_RANGE = 100_000;

/**
 * Parses a chat template.
 *
 * A template is a program. It cannot read files or the clock, and its steps and the text that it renders are limited.
 *
 * @throws SlmError DATA_INVALID if the template is too long or cannot be parsed.
 */
export function createChatTemplate({ source, where, tokens, special }: ChatTemplateRequest): ChatTemplate {
  if (source.length > MAX_TEMPLATE) {
    throw new SlmError(
      "DATA_INVALID",
      `chat template: ${where}: expected at most ${MAX_TEMPLATE} characters, got ${source.length}`,
      { context: { where } },
    );
  }
  const template = attempt(where, "cannot be parsed", () => parseTemplate(source));
  return {
    render: (messages, { addGenerationPrompt = true, variables = {} } = {}) => {
      checkMessages(messages, special);
      return fill(template, where, {
        ...tokens,
        ...variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
      });
    },
  };
}

function fill(template: ParsedTemplate, where: string, variables: Readonly<Record<string, unknown>>): string {
  const rejection: { message?: string } = {};
  const globals = {
    range: boundedRange(),
    raise_exception: (message: unknown): never => {
      rejection.message = String(message);
      throw new Error(rejection.message);
    },
  };
  return attempt(where, "cannot be rendered", () => template({ ...variables, ...globals }), rejection);
}

/** Jinja's `range`, with a limit of the total length per rendering. */
function boundedRange(): (...bounds: readonly number[]) => readonly number[] {
  let left = MAX_RANGE;
  return (...bounds) => {
    const [start, stop, step] =
      bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
    const count = Math.max(0, Math.ceil((stop - start) / step));
    if (!Number.isFinite(count) || count > left)
      throw new RangeError(
        `range() may return ${MAX_RANGE} numbers in total, got a request for ${count} more`,
      );
    left -= count;
    return Array.from({ length: count }, (_, index) => start + index * step);
  };
}

function checkMessages(messages: readonly ChatMessage[], special: readonly string[]): void {
  if (messages.length === 0)
    throw new SlmError("DATA_INVALID", "chat template: expected at least one message, got none");
  for (const [index, { role, content }] of messages.entries()) {
    const reject = (problem: string, context: object): SlmError =>
      new SlmError("DATA_INVALID", `chat template: message ${index + 1} ${problem}`, {
        context: { message: index + 1, ...context },
      });
    if (role.trim() === "") throw reject("has no role, expected one such as user", {});
    for (const text of [role, content]) {
      const token = special.find((name) => text.includes(name));
      if (token !== undefined) throw reject(`contains the special token ${token}`, { token });
    }
  }
}

/** Converts errors of the library, which come from the template or its variables, to DATA_INVALID. */
function attempt<T>(
  where: string,
  problem: string,
  run: () => T,
  rejection: { readonly message?: string } = {},
): T {
  try {
    return run();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const what =
      rejection.message === undefined
        ? `${problem}: ${reason}`
        : `rejects the messages: ${rejection.message}`;
    throw new SlmError("DATA_INVALID", `chat template: ${where} ${what}`, { context: { where }, cause });
  }
}
