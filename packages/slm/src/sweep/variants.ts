/** Parses the named variants of a recipe that a comparison trains. */
import { SlmError } from "@slm/core/errors";

/** A recipe with some settings changed. */
export interface Variant {
  readonly name: string;
  /** Each as in `--set`. */
  readonly settings: readonly string[];
}

/** Settings that variants must share, because they decide what is measured. */
const FIXED = /^(?:distill\.(?:seed|metrics)|seed|data\.(?:test|splits?)(?:\.\w+)*)=/u;
const EXAMPLE = "--variant 'labels:teacher=null;cache=null;distill.loss.forwardKl=0'";

/**
 * Reads `NAME` (the recipe unchanged) or `NAME:key=value;key=value`.
 *
 * @throws SlmError USAGE for another form, a name that is not a valid folder name, and a setting that decides what is measured
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
      `--variant ${name}: variants must have the same test rows, metrics and seeds, so they cannot set ${fixed}`,
      { suggestions: ["--set for all variants", "--seeds 1,2,3"] },
    );
  return { name, settings };
}

/** @throws SlmError USAGE for fewer than two variants, or a repeated name */
export function parseVariants(texts: readonly string[]): readonly Variant[] {
  const variants = texts.map(parseVariant);
  const names = variants.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined)
    throw new SlmError("USAGE", `--variant: expected different names, got "${twice}" twice`);
  if (variants.length < 2)
    throw new SlmError(
      "USAGE",
      "--variant: expected at least two variants, because the first is compared with the others",
      {
        suggestions: [`--variant full ${EXAMPLE}`],
      },
    );
  return variants;
}

/** @throws SlmError USAGE unless the text consists of different whole numbers separated by commas */
export function parseSeeds(text: string): readonly number[] {
  const seeds = text.split(",").map((part) => (/^\s*\d+\s*$/u.test(part) ? Number(part) : Number.NaN));
  if (seeds.some((seed) => !Number.isSafeInteger(seed)) || new Set(seeds).size < seeds.length)
    throw new SlmError("USAGE", `--seeds ${text}: expected different whole numbers separated by commas`, {
      suggestions: ["--seeds 1,2,3"],
    });
  return seeds;
}
