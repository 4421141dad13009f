/** Describes the keys of a training log: name, unit, and whether higher is better. */
import { isMetricName, METRICS } from "@slm/metrics";

/** The section of a report that shows a quantity. */
export type QuantityGroup = "loss" | "dev" | "targets" | "learningRate" | "gradient" | "throughput";

export interface Quantity {
  readonly key: string;
  readonly group: QuantityGroup;
  readonly label: string;
  /** Unit after multiplication by {@link scale}. */
  readonly unit: string;
  readonly scale: number;
  /** Undefined for quantities that are neither good nor bad. */
  readonly higherIsBetter: boolean | undefined;
  /** Quantities with the same group share a chart. */
  readonly chart: string;
}

type Known = Omit<Quantity, "key" | "scale">;

const LOSS_CHART = "Loss";
/** A loss term is logged for a single step and competes with the other terms, so its lowest value means nothing. */
const termInNats = (label: string): Known => {
  return { group: "loss", label, unit: "nats per token", higherIsBetter: undefined, chart: LOSS_CHART };
};

/** Keys that every run logs, and loss terms in the unit of the loss. */
const KNOWN: ReadonlyMap<string, Known> = new Map<string, Known>([
  ["loss", { ...termInNats("loss"), higherIsBetter: false }],
  ["forwardKl", termInNats("forward KL")],
  ["reverseKl", termInNats("reverse KL")],
  ["jensenShannon", termInNats("Jensen-Shannon")],
  ["crossEntropy", termInNats("cross-entropy")],
  [
    "learningRate",
    {
      group: "learningRate",
      label: "learning rate",
      unit: "",
      higherIsBetter: undefined,
      chart: "Learning rate",
    },
  ],
  [
    "gradientNorm",
    {
      group: "gradient",
      label: "gradient norm",
      unit: "",
      higherIsBetter: undefined,
      chart: "Gradient norm",
    },
  ],
  [
    "tokensPerSecond",
    {
      group: "throughput",
      label: "throughput",
      unit: "tokens/s",
      higherIsBetter: undefined,
      chart: "Throughput",
    },
  ],
]);

/** Quantities of the dev split that are not metrics of answers. */
const LOWER_ON_DEV: ReadonlySet<string> = new Set(["loss", "perplexity", "crossEntropy"]);

/** Metrics whose names are abbreviations. */
const METRIC_LABELS: Readonly<Partial<Record<string, string>>> = {
  wer: "word error rate",
  per: "phoneme error rate",
  cer: "character error rate",
};

const DEV_PREFIX = "dev.";
const TARGETS_PREFIX = "targets.";
const PERCENT = { unit: "%", scale: 100 } as const;
/** Units of metrics that are shown as percentages. */
const FRACTIONS: ReadonlySet<string> = new Set(["fraction"]);
const DEV_CHARTS = { lower: "Errors on the dev split", higher: "Scores on the dev split" } as const;

/** The quantity of a log key. An unknown key is treated as a loss term of unknown unit. */
export function describeQuantity(key: string): Quantity {
  const known = KNOWN.get(key);
  if (known !== undefined) return { key, scale: 1, ...known };
  if (key.startsWith(DEV_PREFIX)) return devQuantity(key, key.slice(DEV_PREFIX.length));
  if (key.startsWith(TARGETS_PREFIX)) {
    const label = wordsOf(key.slice(TARGETS_PREFIX.length));
    return {
      key,
      group: "targets",
      label,
      ...PERCENT,
      higherIsBetter: undefined,
      chart: "Targets by origin",
    };
  }
  const label = wordsOf(key);
  return {
    key,
    group: "loss",
    label,
    unit: "",
    scale: 1,
    higherIsBetter: undefined,
    chart: `Loss term: ${label}`,
  };
}

/** The formatted value without its unit: percentages to two decimals, others to four digits. */
export function formatQuantity({ unit, scale }: Quantity, value: number): string {
  const shown = value * scale;
  if (unit === "%") return shown.toFixed(2);
  const size = Math.abs(shown);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return shown.toExponential(2);
  const digits = Math.max(4, digitsBefore(size));
  const least = Number.isInteger(shown) ? {} : { minimumSignificantDigits: digits };
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: digits, ...least }).format(shown);
}

/** "word error rate [%]". */
export function titleOf({ label, unit }: Pick<Quantity, "label" | "unit">): string {
  return unit === "" ? label : `${label} [${unit}]`;
}

function devQuantity(key: string, name: string): Quantity {
  const common = { key, group: "dev", label: METRIC_LABELS[name] ?? wordsOf(name) } as const;
  if (!isMetricName(name)) {
    const higherIsBetter = LOWER_ON_DEV.has(name) ? false : undefined;
    return { ...common, unit: "", scale: 1, higherIsBetter, chart: `Dev split: ${common.label}` };
  }
  const { unit, higherIsBetter } = METRICS[name];
  if (FRACTIONS.has(unit))
    return {
      ...common,
      ...PERCENT,
      higherIsBetter,
      chart: higherIsBetter ? DEV_CHARTS.higher : DEV_CHARTS.lower,
    };
  return { ...common, unit, scale: 1, higherIsBetter, chart: `Dev split: ${common.label}` };
}

/** `wer` as "word error rate"; names in other styles stay as they are. */
function wordsOf(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])(?![A-Z])/g, (_, before: string, letter: string) => {
    return `${before} ${letter.toLowerCase()}`;
  });
}

function digitsBefore(size: number): number {
  return size < 1 ? 1 : Math.floor(Math.log10(size)) + 1;
}
