/** The settings that a sweep tries: a grid of values, or draws from values and ranges. */
import { SlmError } from "@slm/core/errors";
import { createRandom } from "@slm/generation";

/** A setting with its possible values. */
export type Axis =
  | { readonly key: string; readonly values: readonly string[]; readonly range?: undefined }
  | {
      readonly key: string;
      readonly values?: undefined;
      readonly range: readonly [low: number, high: number];
    };

/** One choice for every axis, in their order. */
export interface Trial {
  readonly number: number;
  /** Values as in `--set`, by key. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Settings that all trials must share, because the comparison depends on them. */
const FIXED: ReadonlySet<string> = new Set(["distill.steps", "distill.metrics", "distill.evaluateRows"]);
/** Maximum number of trials. A larger number is probably a mistake in the command. */
const MOST_TRIALS = 10_000;
/** Ranges with at least this ratio of their ends are drawn on a logarithmic scale. */
const LOGARITHMIC_FROM = 10;
/** Digits of drawn numbers. */
const DIGITS = 4;

const NUMBER = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;
const RANGE = new RegExp(`^(${NUMBER})\\.\\.(${NUMBER})$`, "iu");

/**
 * Reads `distill.learningRate=1e-3,3e-3` (values) or `distill.learningRate=1e-4..1e-2` (a range).
 *
 * @throws SlmError USAGE for another form, and for a setting that a sweep cannot vary
 */
export function parseAxis(text: string): Axis {
  const [, key = "", list = ""] = /^([^=]+)=(.+)$/su.exec(text) ?? [];
  if (!/^distill(\.\w+)+$/u.test(key) || FIXED.has(key))
    throw new SlmError(
      "USAGE",
      `--vary ${text}: expected a setting of distill, such as distill.learningRate=1e-3,3e-3`,
      {
        suggestions: ["--vary distill.learningRate=1e-4..1e-2"],
      },
    );
  const [, low, high] = RANGE.exec(list) ?? [];
  if (low === undefined || high === undefined) {
    const values = list.split(",").map((value) => value.trim());
    if (values.some((value) => value === "") || new Set(values).size < values.length)
      throw new SlmError(
        "USAGE",
        `--vary ${text}: expected different values, got an empty or repeated value`,
      );
    return { key, values };
  }
  if (Number(low) >= Number(high))
    throw new SlmError("USAGE", `--vary ${text}: expected a range from a lower to a higher number`);
  return { key, range: [Number(low), Number(high)] };
}

/**
 * Returns the trials of a space: `count` different draws, or without `count` every combination of values.
 *
 * @throws SlmError USAGE for a range without `count`, a repeated setting, or too many trials
 */
export function trialsOf(
  axes: readonly Axis[],
  { count, seed }: { readonly count?: number | undefined; readonly seed: number },
): readonly Trial[] {
  const keys = axes.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) < index);
  if (axes.length === 0 || twice !== undefined)
    throw new SlmError(
      "USAGE",
      twice === undefined ? "sweep: expected a setting to vary, got none" : `sweep: ${twice} is varied twice`,
      {
        suggestions: ["--vary distill.learningRate=1e-3,3e-3,1e-2"],
      },
    );
  const choices = count === undefined ? grid(axes) : drawn(axes, count, seed);
  return choices.map((values, number) => ({
    number,
    settings: Object.fromEntries(values.map((value, axis) => [keys[axis]!, value])),
  }));
}

function grid(axes: readonly Axis[]): readonly (readonly string[])[] {
  let all: readonly (readonly string[])[] = [[]];
  for (const { key, values } of axes) {
    if (values === undefined)
      throw new SlmError(
        "USAGE",
        `sweep: ${key} is a range to draw values from; expected --trials, got none`,
        {
          suggestions: ["--trials 16"],
        },
      );
    all = all.flatMap((chosen) => values.map((value) => [...chosen, value]));
    if (all.length > MOST_TRIALS)
      throw new SlmError("USAGE", `sweep: expected at most ${MOST_TRIALS} combinations of values, got more`, {
        suggestions: ["--trials 64"],
      });
  }
  return all;
}

/** Different draws; fewer than `count` if there are not enough combinations of values. */
function drawn(axes: readonly Axis[], count: number, seed: number): readonly (readonly string[])[] {
  const { next } = createRandom(seed);
  const one = ({ values, range }: Axis): string => {
    if (values !== undefined) return values[Math.floor(next() * values.length)]!;
    const [low, high] = range;
    const isLogarithmic = low > 0 && high / low >= LOGARITHMIC_FROM;
    const value = isLogarithmic ? low * (high / low) ** next() : low + (high - low) * next();
    return String(Number(value.toPrecision(DIGITS)));
  };
  const found = new Map<string, readonly string[]>();
  for (let tries = 0; found.size < count && tries < 100 * count; tries++) {
    const choice = axes.map(one);
    const name = JSON.stringify(choice);
    if (!found.has(name)) found.set(name, choice);
  }
  return [...found.values()];
}
