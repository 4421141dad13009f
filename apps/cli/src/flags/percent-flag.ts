/** A share as a percentage: "5%". The percent sign is required, because a bare 5 or 0.05 would be ambiguous. */
import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";

const PERCENT = /^(\d+(?:\.\d+)?)\s*%$/;

/** @throws SlmError USAGE for a text that is not a percentage. @returns the fraction: 0.05 for "5%" */
export function parsePercent(text: string): number {
  const number = PERCENT.exec(text.trim())?.[1];
  if (number === undefined)
    throw new SlmError("USAGE", `expected a percentage, got '${text}'`, {
      suggestions: ["--max-regression 5%"],
    });
  return Number(number) / 100;
}

/** A flag whose value is a percentage, parsed to a fraction. */
export const percentFlag = Flags.custom<number>({
  helpValue: "<percent>",
  parse: (text) => Promise.resolve(parsePercent(text)),
});
