/** The settings that a sweep tries: a grid of values, or draws from values and ranges. */
import { SlmError } from "@slm/core/errors";
import { createRandom } from "@slm/decoding";

/** A setting with the values that it may have. */
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
  /** Values as `--set` takes them, by key. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Settings that decide how trials are compared, so that they may not differ between them. */
const FIXED: ReadonlySet<string> = new Set(["distill.steps", "distill.metrics", "distill.evaluateRows"]);
/** More trials are a mistake in the command. */
const MOST_TRIALS = 10_000;
/** A range over at least this ratio is drawn on a logarithmic scale. */
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
      `--vary ${text}: a sweep varies settings of distill, such as distill.learningRate=1e-3,3e-3`,
      {
        suggestions: ["--vary distill.learningRate=1e-4..1e-2"],
      },
    );
  const [, low, high] = RANGE.exec(list) ?? [];
  if (low === undefined || high === undefined) {
    const values = list.split(",").map((value) => value.trim());
    if (values.some((value) => value === "") || new Set(values).size < values.length)
      throw new SlmError("USAGE", `--vary ${text}: a value is empty or stands twice`);
    return { key, values };
  }
  if (Number(low) >= Number(high)) throw new SlmError("USAGE", `--vary ${text}: the range is empty`);
  return { key, range: [Number(low), Number(high)] };
}

/**
 * The trials of a space: with `count` so many different draws, else every combination of values.
 *
 * @throws SlmError USAGE for a range without a count, a setting that is named twice, or too many trials
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
      twice === undefined ? "sweep: nothing to vary" : `sweep: ${twice} is varied twice`,
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
      throw new SlmError("USAGE", `sweep: ${key} has a range, from which values are drawn: say how many`, {
        suggestions: ["--trials 16"],
      });
    all = all.flatMap((chosen) => values.map((value) => [...chosen, value]));
    if (all.length > MOST_TRIALS)
      throw new SlmError("USAGE", `sweep: more than ${MOST_TRIALS} combinations`, {
        suggestions: ["--trials 64"],
      });
  }
  return all;
}

/** Different draws; fewer where the values have no more combinations. */
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
