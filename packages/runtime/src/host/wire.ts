/** Messages between the caller and a host in another thread or process, and errors in a form that survives structured clone. */
import { type ErrorCode, SlmError } from "@slm/core";
import type { CallName, PositionalRepeat, RepeatedResult, ReplyOf, RequestOf } from "./protocol.js";

/** A request for repeated runs, on its way to the host. */
export interface RepeatMessage {
  readonly call: number;
  readonly name: "repeat";
  /** Contains the URL of the loop's module, and a stop flag if the host shares the caller's memory. */
  readonly request: Omit<PositionalRepeat, "body" | "stop"> & {
    readonly module: string;
    readonly stop?: PositionalRepeat["stop"] | undefined;
  };
}

/** Stops a repetition before its next run. For hosts that share no memory with the caller. */
export interface StopMessage {
  /** Number of the call that started the repetition. */
  readonly call: number;
  readonly name: "stop";
}

/** One call on its way to the host, discriminated by `name`. */
export type CallMessage = {
  readonly [Name in CallName]: {
    readonly call: number;
    readonly name: Name;
    readonly request: RequestOf<Name>;
  };
}[CallName];

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly suggestions: readonly string[];
  readonly cause: string | undefined;
}

/** The host's reply to one call; repeated runs also send results while they are in progress. */
export type ReplyMessage =
  | { readonly kind: "results"; readonly call: number; readonly results: readonly RepeatedResult[] }
  | { readonly kind: "done"; readonly call: number; readonly reply: ReplyOf<CallName> }
  | { readonly kind: "failed"; readonly call: number; readonly error: WireError };

/** Any thrown value as plain data. Anything except an SlmError is a bug and gets the code UNEXPECTED. @param runtime package name for messages */
export function toWireError(runtime: string, error: unknown): WireError {
  if (error instanceof SlmError) {
    const { code, message, context, suggestions, cause } = error;
    return { code, message, context, suggestions, cause: cause instanceof Error ? cause.message : undefined };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: "UNEXPECTED",
    message: `${runtime}: ${message}`,
    context: {},
    suggestions: [],
    cause: undefined,
  };
}

export function fromWireError({ code, message, context, suggestions, cause }: WireError): SlmError {
  return new SlmError(code, message, {
    context,
    suggestions,
    cause: cause === undefined ? undefined : new Error(cause),
  });
}
