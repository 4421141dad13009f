/** The flag of commands that read files of rows for a model. */
import { Flags } from "@oclif/core";
import type { FileSettings } from "@slm/data";
import { fileSettingsOf } from "@slm/pipeline/recipe/file-settings";

export const rowsFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  helpValue: "<data.key=value>",
  summary:
    "How to read files of rows, as in a recipe; may be repeated. Default: as the model's recipe read its rows.",
});

/** What the flag says; undefined if it was not given. @throws SlmError USAGE, CONFIG_INVALID */
export async function rowsOf(sets: readonly string[]): Promise<FileSettings | undefined> {
  return sets.length === 0 ? undefined : fileSettingsOf(sets);
}
