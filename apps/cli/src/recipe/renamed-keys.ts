/** Keys and values that were renamed after version 1: one table, used by the error about an old key and by `slm recipe migrate`.
 *
 * To rename a setting: rename it in its schema, add a row here, and raise {@link RECIPE_VERSION} if the row is the first since a release.
 */
import { asMapping, type KeyPath } from "./mapping.js";

/** The version that recipes are written in: `schemaVersion` in the file. */
export const RECIPE_VERSION = 2;

interface Rename {
  /** The key of version 1. */
  readonly old: string;
  /** Section or path where the rename applies; absent: everywhere. */
  readonly isIn?: (parent: KeyPath, value: unknown) => boolean;
  /** The current key. */
  readonly key: string;
  /** The current value; absent: unchanged. */
  readonly value?: (value: unknown) => unknown;
}

const MODULES = ["text", "tower", "projector"];

const endsWith =
  (...keys: readonly string[]) =>
  (parent: KeyPath): boolean =>
    keys.every((key, at) => parent.at(at - keys.length) === key);

/** Translates an old value. An unknown value is kept, so that the schema rejects it. */
const oneOf =
  (names: Readonly<Record<string, unknown>>) =>
  (value: unknown): unknown =>
    typeof value === "string" && Object.hasOwn(names, value) ? names[value] : value;

const GATED_ACTIVATIONS = { silu: "swiglu", gelu: "geglu" } as const;

const RENAMED_KEYS: readonly Rename[] = [
  { old: "accumulate", key: "gradientAccumulationSteps" },
  { old: "clipNorm", key: "maxGradNorm" },
  { old: "decayShare", key: "decayFraction" },
  { old: "averageDecay", key: "emaDecay" },
  { old: "averageBest", key: "checkpointAveraging" },
  { old: "finalLearningRate", key: "minLearningRateRatio" },
  { old: "recompute", key: "gradientCheckpointing" },
  {
    old: "parts",
    isIn: (_parent, value) => Object.keys(asMapping(value) ?? {}).some((key) => MODULES.includes(key)),
    key: "modules",
  },
  { old: "teacher", isIn: endsWith("targets"), key: "sequenceKdFraction" },
  { old: "student", isIn: endsWith("targets"), key: "onPolicyFraction" },
  { old: "unlabelled", isIn: endsWith("targets"), key: "unlabelledFraction" },
  { old: "rotaryBase", key: "ropeTheta" },
  { old: "rotaryFrequencies", key: "ropeInverseFrequencies" },
  { old: "headNorm", key: "qkNorm" },
  {
    old: "untiedHead",
    key: "tieWordEmbeddings",
    value: (value) => (typeof value === "boolean" ? !value : value),
  },
  {
    old: "gate",
    isIn: (_parent, value) => typeof value === "string" && Object.hasOwn(GATED_ACTIVATIONS, value),
    key: "activation",
    value: oneOf(GATED_ACTIVATIONS),
  },
  { old: "local", isIn: (_parent, value) => asMapping(value)?.window !== undefined, key: "slidingWindow" },
  { old: "invented", isIn: endsWith("data"), key: "synthetic" },
  { old: "invent", isIn: endsWith("data", "augment"), key: "syntheticValues" },
];

/** Metrics by their names of version 1. */
const RENAMED_METRICS: Readonly<Record<string, string>> = {
  wordError: "wer",
  phonemeError: "per",
  characterError: "cer",
};

/** The name of now of a metric that had another one. */
export const renamedMetric = (name: string): string | undefined =>
  Object.hasOwn(RENAMED_METRICS, name) ? RENAMED_METRICS[name] : undefined;

/** A key or a value of version 1, and what to write now. */
export interface Renamed {
  /** Path of the key, with the keys of version 1. */
  readonly path: KeyPath;
  /** The current key, if it was renamed. */
  readonly key?: string;
  /** The current value, if it changed. */
  readonly value?: string | boolean;
}

/** Every key and value of version 1 in a recipe, or in the part of it at `parent`. */
export function renamedIn(value: unknown, parent: KeyPath = []): readonly Renamed[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => renamedItem(item, [...parent, at]));
  return Object.entries(asMapping(value) ?? {}).flatMap(([key, inside]) => {
    const path = [...parent, key];
    const rename = RENAMED_KEYS.find(
      ({ old, isIn }) => old === key && (isIn === undefined || isIn(parent, inside)),
    );
    if (rename === undefined) return renamedItem(inside, path);
    const now = rename.value?.(inside);
    const isOther = now !== inside && (typeof now === "string" || typeof now === "boolean");
    const found = { path, key: rename.key, ...(isOther ? { value: now } : {}) };
    return [found, ...renamedItem(inside, path)];
  });
}

function renamedItem(value: unknown, path: KeyPath): readonly Renamed[] {
  if (typeof value !== "string") return renamedIn(value, path);
  const isMetric = path.at(-1) === "metric" || path.at(-2) === "metrics";
  const metric = isMetric ? renamedMetric(value) : undefined;
  return metric === undefined ? [] : [{ path, value: metric }];
}
