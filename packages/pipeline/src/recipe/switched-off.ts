/**
 * Stages that a run skips: `bench: null` in the recipe, `--set bench=null`, or `--skip bench`. A bare `bench:` is an empty section with
 * defaults.
 */
import { SlmError } from "@slm/core/errors";
import { nearest } from "@slm/core/edit-distance";
import { didYouMean, type Layer } from "./layers.js";
import type { Mapping } from "./mapping.js";

/** Layers of `--skip` flags. @throws SlmError USAGE for an unknown stage */
export function skipLayers(skips: readonly string[], sections: readonly string[]): readonly Layer[] {
  return skips.map((name): Layer => {
    if (!sections.includes(name)) {
      throw new SlmError(
        "USAGE",
        `--skip ${name}: no stage '${name}'${didYouMean(nearest(name, sections))}`,
        {
          context: { stage: name, stages: sections },
        },
      );
    }
    return { origin: "flag", value: { [name]: null }, locate: () => `--skip ${name}` };
  });
}

/** Layers without the sections that they turn off. The same sections in weaker layers stay, because metrics may be copied from them. */
export function withoutNulls(layers: readonly Layer[], sections: readonly string[]): readonly Layer[] {
  return layers.map((layer) => ({
    ...layer,
    value: Object.fromEntries(
      Object.entries(layer.value).filter(([key, value]) => value !== null || !sections.includes(key)),
    ),
  }));
}

/**
 * Rejects a run that needs a stage that is turned off.
 *
 * @param off sections that are turned off
 * @param needed all sections of the run
 * @param needs returns the sections that a section needs, including itself
 * @param where says which setting or flag turns a section off
 * @throws SlmError CONFIG_INVALID
 */
export function rejectNeeded(
  off: readonly string[],
  needed: readonly string[],
  needs: (section: string) => readonly string[],
  where: (section: string) => string,
): void {
  const missing = off.find((section) => needed.includes(section));
  if (missing === undefined) return;
  const users = needed.filter((section) => section !== missing && needs(section).includes(missing));
  throw new SlmError(
    "CONFIG_INVALID",
    `${where(missing)}: stage '${missing}' is turned off, but ${users.join(", ")} ${users.length === 1 ? "needs" : "need"} it`,
    {
      context: { stage: missing, neededBy: users },
      suggestions: [[...users, missing].map((name) => `--skip ${name}`).join(" ")],
    },
  );
}

/** Sections that the merged settings turn off. */
export function switchedOff(value: Mapping, sections: readonly string[]): readonly string[] {
  return sections.filter((section) => value[section] === null);
}
