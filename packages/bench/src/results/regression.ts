/** Compares a benchmark with an earlier one of the same models. */
import { SlmError } from "@slm/core";
import type { BenchResult, ModelFigures } from "./bench-result.js";
import { COVERAGE, areApart, medianInterval, type Interval } from "../statistics/interval.js";
import type { FigureChange, Regression } from "./regression-result.js";

interface ComparedFigure {
  readonly name: keyof ModelFigures;
  readonly title: string;
  readonly higherIsBetter: boolean;
  readonly value: (model: ModelFigures) => number;
  /** Confidence interval; "exact" for figures that are counted. */
  readonly certainty: (model: ModelFigures) => Interval | "exact";
}

/** Every figure that may regress. Quantiles are compared by their median. */
const COMPARED: readonly ComparedFigure[] = [
  {
    name: "firstTokenMs",
    title: "first token [ms]",
    higherIsBetter: false,
    value: ({ firstTokenMs }) => firstTokenMs.p50,
    certainty: ({ firstTokenMs }) => firstTokenMs.interval,
  },
  {
    name: "tokensPerSecond",
    title: "decode [tokens/s]",
    higherIsBetter: true,
    value: ({ tokensPerSecond }) => tokensPerSecond.p50,
    certainty: ({ tokensPerSecond }) => tokensPerSecond.interval,
  },
  {
    name: "totalMs",
    title: "total [ms]",
    higherIsBetter: false,
    value: ({ totalMs }) => totalMs.p50,
    certainty: ({ totalMs }) => totalMs.interval,
  },
  {
    name: "loadMs",
    title: "load [ms]",
    higherIsBetter: false,
    value: ({ loadMs }) => loadMs,
    certainty: ({ loadsMs }) => medianInterval(loadsMs),
  },
  {
    name: "peakRssBytes",
    title: "peak memory [bytes]",
    higherIsBetter: false,
    value: ({ peakRssBytes }) => peakRssBytes,
    certainty: ({ peakRssBytes }) => medianInterval([peakRssBytes]),
  },
  {
    name: "bytes",
    title: "size [bytes]",
    higherIsBetter: false,
    value: ({ bytes }) => bytes,
    certainty: () => "exact",
  },
  {
    name: "flopsPerTokenWithSource",
    title: "FLOPs per token",
    higherIsBetter: false,
    value: (model) => model.flopsPerTokenWithSource,
    certainty: () => "exact",
  },
];

/** Title of a figure in tables. */
export function titleOfFigure(name: string): string {
  return COMPARED.find((figure) => figure.name === name)?.title ?? name;
}

/**
 * Every figure of the models that both benchmarks have, by name.
 *
 * @param maxRegression allowed relative regression: with 0.05 a latency may grow to 1.05 times, a rate fall to 1 / 1.05.
 * @throws SlmError DATA_INVALID if no model is in both.
 */
export function compareResults(now: BenchResult, before: BenchResult, maxRegression: number): Regression {
  const pairs = now.models.flatMap((model) => {
    const old = before.models.find(({ name }) => name === model.name);
    return old === undefined ? [] : [{ model, old }];
  });
  if (pairs.length === 0) {
    const names = ({ models }: BenchResult): string => models.map(({ name }) => name).join(", ");
    throw new SlmError(
      "DATA_INVALID",
      `bench: no model in common: now ${names(now)}, before ${names(before)}`,
      {
        suggestions: ["pass the models with the same paths as before: a model's name is its directory"],
      },
    );
  }
  return {
    maxRegression,
    changes: pairs.flatMap(({ model, old }) =>
      COMPARED.map((figure) => changeOf(figure, model, old, maxRegression)),
    ),
    notes: [...otherMachine(now, before), ...pairs.flatMap(({ model, old }) => otherWork(model, old))],
  };
}

function changeOf(
  { name, higherIsBetter, value, certainty }: ComparedFigure,
  model: ModelFigures,
  old: ModelFigures,
  maxRegression: number,
): FigureChange {
  const [after, before] = [value(model), value(old)];
  const [worse, better] = !higherIsBetter ? [after, before] : [before, after];
  const worseBy = worse === better ? 0 : better === 0 ? Number.MAX_VALUE : worse / better - 1;
  const beyondNoise = areSurelyApart(certainty(model), certainty(old), after !== before);
  const regressed = worseBy > maxRegression;
  return { model: model.name, figure: name, before, now: after, worseBy, regressed, beyondNoise };
}

/** Null if there were too few measurements. */
function areSurelyApart(
  now: Interval | "exact",
  before: Interval | "exact",
  differ: boolean,
): boolean | null {
  if (now === "exact" || before === "exact") return differ;
  return Math.min(now.coverage, before.coverage) < COVERAGE ? null : areApart(now, before);
}

const MACHINE = [
  "cpu",
  "cores",
  "threads",
  "description",
  "memoryBytes",
  "platform",
  "node",
  "engine",
  "provider",
] as const;

function otherMachine({ device: now }: BenchResult, { device: before }: BenchResult): readonly string[] {
  const differs = MACHINE.filter((key) => now[key] !== before[key]);
  if (differs.length === 0) return [];
  const list = differs.map((key) => `${key} ${before[key]}, now ${now[key]}`).join("; ");
  return [`The earlier benchmark ran on another setup: ${list}. Differences may come from the machine.`];
}

/** Mean lengths that differ by more are different work. */
const LENGTH_TOLERANCE = 0.01;

function otherWork(model: ModelFigures, old: ModelFigures): readonly string[] {
  const lengths = ({ sourceTokens, generatedTokens, batch }: ModelFigures): readonly number[] => [
    sourceTokens,
    generatedTokens,
    batch,
  ];
  const [now, before] = [lengths(model), lengths(old)];
  if (now.every((length, at) => Math.abs(length - before[at]!) <= LENGTH_TOLERANCE * before[at]!)) return [];
  const text = ([source, answer, batch]: readonly number[]): string =>
    `${source!.toFixed(1)} tokens in, ${answer!.toFixed(1)} out, ${batch} at once`;
  return [`${model.name} did different work: ${text(before)} before, ${text(now)} now.`];
}

/** One sentence per figure that regressed by more than allowed. */
export function regressionLines({ changes, maxRegression }: Regression): readonly string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const sure = { true: "beyond the noise", false: "within the noise", null: "too few runs to say" };
  return changes
    .filter(({ regressed }) => regressed)
    .map(
      ({ model, figure, before, now, worseBy, beyondNoise }) =>
        `${model}: ${titleOfFigure(figure)} ${before.toPrecision(4)} -> ${now.toPrecision(4)}, worse by ` +
        `${percent(worseBy)} (${percent(maxRegression)} allowed), ${sure[`${beyondNoise}`]}`,
    );
}
