/** Converts every failure to an SlmError, and formats it. */
import { Errors } from "@oclif/core";
import { failedWrite, SlmError } from "@slm/core/errors";
import { PLAIN, type Paint } from "./paint.js";
import { printable } from "@slm/core/format";
import { stripVTControlCharacters } from "node:util";

export interface ErrorDescription {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly suggestions: readonly string[];
}

/**
 * Converts anything thrown to the SlmError that the user sees.
 *
 * @param command the words after `slm` that name the command
 * @param signal the run's abort signal: an abort error after it fired is an interruption, not a bug
 */
export function toSlmError(error: unknown, command: string, signal?: AbortSignal): SlmError {
  if (error instanceof SlmError) return error;
  if (signal?.aborted === true && isAbort(error, signal)) {
    return new SlmError("INTERRUPTED", "interrupted; the state on disk is valid", {
      suggestions: ["run the same command again to resume"],
      cause: error,
    });
  }
  if (error instanceof Errors.CLIError && !(error instanceof Errors.ModuleLoadError)) {
    return new SlmError("USAGE", usageMessage(error.message), {
      suggestions: [["slm", command, "--help"].filter((word) => word !== "").join(" ")],
    });
  }
  const unwritten = failedWrite(error);
  if (unwritten !== undefined) return unwritten;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new SlmError("UNEXPECTED", `this is a bug in slm: ${reason}`, {
    suggestions: ["run the command again with --debug and report what it prints"],
    cause: error,
  });
}

/** The JSON form of an error. It omits the parser's state, stacks and causes. */
export function describeError(error: SlmError): ErrorDescription {
  const { name, code, message, context, suggestions } = error;
  return { name, code, message, context, suggestions };
}

/** Lines for a terminal: the code and message, then what to try. @param paint default: no colour */
export function errorLines(error: SlmError, debug: boolean, paint: Paint = PLAIN): readonly string[] {
  const lines = [`${paint(`Error (${error.code}):`, "bold", "red")} ${printable(error.message)}`];
  if (error.suggestions.length > 0)
    lines.push(
      paint("Try this:", "bold"),
      ...error.suggestions.map((suggestion) => `  ${printable(suggestion)}`),
    );
  if (debug) lines.push("", ...stacks(error).map((stack) => paint(printable(stack), "dim")));
  return lines;
}

function stacks(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  return [error.stack ?? error.message, ...stacks(error.cause)];
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}

/** Removes colours, and oclif's advice that repeats our suggestions or does not apply to our flags. */
function usageMessage(message: string): string {
  return stripVTControlCharacters(message)
    .replace(/\nSee more help with --help$/, "")
    .replace(/\n\nNote: [^]*$/, "") // Advice about flags with several values; slm's flags have one value each.
    .replace(/^The following errors? occurred:\s*/, "")
    .trim();
}
