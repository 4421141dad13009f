/** Parses `--set data.KEY=VALUE` for commands that read one file without a recipe. */
import type { FileSettings } from "@slm/data";
import { SlmError } from "@slm/core/errors";

/** @throws SlmError USAGE for a setting outside the section, CONFIG_INVALID for a setting that does not concern files */
export async function fileSettingsOf(sets: readonly string[]): Promise<FileSettings> {
  // The command line imports this module for its flags, also to print help.
  const { fileSchema } = await import("@slm/data");
  const { flagLayers, LayerStack } = await import("./layers.js");
  const layers = new LayerStack(flagLayers(sets));
  const other = Object.keys(layers.value).find((section) => section !== "data");
  if (other !== undefined) {
    throw new SlmError("USAGE", `--set ${other}: expected a setting of 'data', for example data.format=csv`);
  }
  const { z } = await import("zod");
  const { checkSettings } = await import("./check-recipe.js");
  const { data } = checkSettings(z.strictObject({ data: fileSchema.optional() }), layers.value, layers);
  return data ?? {};
}
