import { SlmError } from "@slm/core/errors";

/** Parses `64,256`. @throws SlmError USAGE for anything else, with the command and its flag */
export function parseNumbers(text: string, command: string, flag: string): number[] {
  const items = text.split(",").map((item) => item.trim());
  const bad = items.find((item) => !/^[1-9]\d{0,5}$/.test(item));
  if (bad === undefined) return items.map(Number);
  throw new SlmError(
    "USAGE",
    `${command}: --${flag}: expected lengths such as 64,256, got '${bad}' in '${text}'`,
  );
}
