/** Rejects renamed keys with an error that names the new key. */
import { SlmError } from "@slm/core/errors";
import type { Layer } from "./layers.js";
import { dotted } from "./mapping.js";
import { checkVersion, describeRenamed } from "./migrate.js";
import { renamedIn } from "./renamed-keys.js";

/** Largest number of old keys in one message. */
const MAX_NAMED = 8;

/**
 * Rejects layers of settings that use keys or values of version 1.
 *
 * @param recipe the recipe's file, for the command that rewrites it
 * @throws SlmError CONFIG_INVALID naming file and line (or flag, or variable), the old key and the new one
 */
export function rejectRenamed(layers: readonly Layer[], recipe: string | undefined): void {
  const found = layers.flatMap((layer) => renamedIn(layer.value).map((renamed) => ({ layer, renamed })));
  const version = layers.find(({ origin }) => origin === "recipe")?.value.schemaVersion;
  checkVersion(version, recipe ?? "recipe");
  if (found.length === 0) return;
  const lines = found
    .slice(0, MAX_NAMED)
    .map(({ layer, renamed }) => `${layer.locate(renamed.path)}: ${describeRenamed(renamed)}`);
  if (found.length > lines.length) lines.push(`and ${found.length - lines.length} more`);
  const isInRecipe = found.some(({ layer }) => layer.origin === "recipe");
  throw new SlmError("CONFIG_INVALID", lines.join("\n"), {
    context: { keys: found.map(({ renamed }) => dotted(renamed.path)) },
    suggestions: isInRecipe && recipe !== undefined ? [`slm recipe migrate ${recipe}`] : [],
  });
}
