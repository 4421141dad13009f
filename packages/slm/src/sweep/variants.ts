/** Named variants of a recipe: settings that a comparison trains side by side. */
import { SlmError } from "@slm/core/errors";

/** A recipe with some settings changed. */
export interface Variant {
  readonly name: string;
  /** Each as `--set` takes it. */
  readonly settings: readonly string[];
}

/** Settings that decide what is measured, so that variants may not differ in them. */
const FIXED = /^(?:distill\.(?:seed|metrics)|seed|data\.(?:test|splits?)(?:\.\w+)*)=/u;
const EXAMPLE = "--variant 'labels:teacher=null;cache=null;distill.loss.forwardKl=0'";

/**
 * Reads `NAME` (the recipe unchanged) or `NAME:key=value;key=value`.
 *
 * @throws SlmError USAGE for another form, a name that a folder cannot have, and a setting that decides what is measured
 */
export function parseVariant(text: string): Variant {
  const [, name, list = ""] = /^([\w.-]+)(?::(.+))?$/su.exec(text) ?? [];
  if (name === undefined || /^\.+$/u.test(name))
    throw new SlmError("USAGE", `--variant ${text}: expected NAME or NAME:key=value;key=value`, {
      suggestions: [EXAMPLE],
    });
  const settings = list === "" ? [] : list.split(";").map((setting) => setting.trim());
  const wrong = settings.find((setting) => !/^[\w.]+=./su.test(setting));
  if (wrong !== undefined)
    throw new SlmError("USAGE", `--variant ${name}: expected key=value, got "${wrong}"`, {
      suggestions: [EXAMPLE],
    });
  const fixed = settings.find((setting) => FIXED.test(setting));
  if (fixed !== undefined)
    throw new SlmError(
      "USAGE",
      `--variant ${name}: variants have the same test rows, metrics and seeds, so they cannot set ${fixed}`,
      { suggestions: ["--set for all variants", "--seeds 1,2,3"] },
    );
  return { name, settings };
}

/** @throws SlmError USAGE for fewer than two variants, or two of one name */
export function parseVariants(texts: readonly string[]): readonly Variant[] {
  const variants = texts.map(parseVariant);
  const names = variants.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new SlmError("USAGE", `--variant: "${twice}" is given twice`);
  if (variants.length < 2)
    throw new SlmError(
      "USAGE",
      "--variant: give at least two variants; the first is compared with the rest",
      {
        suggestions: [`--variant full ${EXAMPLE}`],
      },
    );
  return variants;
}

/** @throws SlmError USAGE unless the text is whole numbers separated by commas, each once */
export function parseSeeds(text: string): readonly number[] {
  const seeds = text.split(",").map((part) => (/^\s*\d+\s*$/u.test(part) ? Number(part) : Number.NaN));
  if (seeds.some((seed) => !Number.isSafeInteger(seed)) || new Set(seeds).size < seeds.length)
    throw new SlmError("USAGE", `--seeds ${text}: expected different whole numbers separated by commas`, {
      suggestions: ["--seeds 1,2,3"],
    });
  return seeds;
}
