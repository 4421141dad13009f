/** The flag for how to read a model's files of rows. */
import { Flags } from "@oclif/core";
import type { FileSettings } from "@slm/data";
import { fileSettingsOf } from "@slm/slm/command-line";

export const rowsFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  helpValue: "<data.key=value>",
  summary:
    "Read files of rows with this setting of a recipe's data section; repeatable. Default: the model's recipe.",
});

/** Parses the flag; undefined if it was not given. @throws SlmError USAGE, CONFIG_INVALID */
export async function rowsOf(sets: readonly string[]): Promise<FileSettings | undefined> {
  return sets.length === 0 ? undefined : fileSettingsOf(sets);
}
