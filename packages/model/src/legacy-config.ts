/** Keys of config.json before version 2 of recipes; old checkpoints are still read. */

type Keys = Readonly<Record<string, (value: unknown) => Readonly<Record<string, unknown>>>>;

const renamed =
  (key: string) =>
  (value: unknown): Readonly<Record<string, unknown>> => ({ [key]: value });

const LEGACY_KEYS: Keys = {
  rotaryBase: renamed("ropeTheta"),
  rotaryFrequencies: renamed("ropeInverseFrequencies"),
  headNorm: renamed("qkNorm"),
  // Another value than these two is left under the old key, which the schema rejects.
  gate: (value) =>
    value === "silu"
      ? { activation: "swiglu" }
      : value === "gelu"
        ? { activation: "geglu" }
        : { gate: value },
  untiedHead: (value) => ({ tieWordEmbeddings: typeof value === "boolean" ? !value : value }),
  local: (value) => ({ slidingWindow: isRecord(value) ? renameKeys(value) : value }),
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const renameKeys = (record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.assign(
    {},
    ...Object.entries(record).map(([key, value]) =>
      Object.hasOwn(LEGACY_KEYS, key) ? LEGACY_KEYS[key]!(value) : { [key]: value },
    ),
  ) as Readonly<Record<string, unknown>>;

/** A model configuration with current keys; a value that is not an object is returned for the schema to reject. */
export const withCurrentKeys = (value: unknown): unknown => (isRecord(value) ? renameKeys(value) : value);
