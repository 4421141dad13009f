/** How targets are chosen and filtered, made from the settings of the cache stage. */
import type { Strategy } from "@slm/generation";
import type { MetricName } from "@slm/metrics";
import type { GenerationConfig, LabellingConfig } from "../config/cache-config.js";
import type { ChoiceRules, StrategyName } from "./strategies.js";
import { taskMetric, type TaskMetric } from "./task-metric.js";
import type { VoteRules } from "./teacher-votes.js";
import { validityCheck } from "../config/validity.js";

export interface Selection {
  /** Everything that decides, as JSON: finished work of other settings is not reused. */
  readonly settings: object;
  readonly strategy: StrategyName;
  readonly rules: Omit<ChoiceRules, "problemOf">;
  /** Temperature of several samples. */
  readonly temperature: number;
  /** Fraction of the sources whose most confident targets are kept; undefined: all targets. */
  readonly keepFraction?: number | undefined;
  readonly isValid: (target: string) => boolean;
  /** How several teachers agree. */
  readonly vote: () => Omit<VoteRules, "names">;
}

/** How a local teacher decodes. */
export interface LocalDecoding {
  /** Of a single answer. */
  readonly single: Strategy;
  /** Top-k of several samples. */
  readonly topK: number | undefined;
}

/** Samples per source, and the smallest agreement, of strategies that sample. */
const DEFAULT_SAMPLES = 8;
const DEFAULT_AGREEMENT: Readonly<Record<StrategyName, number>> = {
  single: 0,
  selfConsistency: 0.5,
  minimumRisk: 0,
  bestOf: 0,
};

const GREEDY: Strategy = { kind: "greedy" };

/** One row per strategy of the settings: how answers are chosen, and how a local teacher decodes a single one. */
const STRATEGY_TABLE: {
  readonly [K in LabellingConfig["strategy"]]: {
    readonly strategy: StrategyName;
    readonly single: (settings: LabellingConfig) => Strategy;
  };
} = {
  greedy: { strategy: "single", single: () => GREEDY },
  beam: {
    strategy: "single",
    single: ({ beams, lengthPenalty }) => ({ kind: "beam", beams, lengthPenalty }),
  },
  sample: { strategy: "single", single: ({ temperature, topK }) => ({ kind: "sample", temperature, topK }) },
  selfConsistency: { strategy: "selfConsistency", single: () => GREEDY },
  minimumRisk: { strategy: "minimumRisk", single: () => GREEDY },
};

/** Strategies that need a local teacher: servers and programs give their most probable answer, or several samples. */
export const isLocalOnly = ({ strategy }: LabellingConfig): boolean =>
  strategy === "sample" || strategy === "beam";

/** The selection of unlabelled sources. @param teachers number of teachers that must agree by default */
export function labellingSelection(settings: LabellingConfig, teachers: number): Selection {
  const { strategy } = STRATEGY_TABLE[settings.strategy];
  const {
    samples = DEFAULT_SAMPLES,
    minAgreement = DEFAULT_AGREEMENT[strategy],
    minScore,
    keepFraction,
    agreement,
  } = settings;
  const metric = settings.metric === undefined ? undefined : taskMetric(settings.metric);
  return {
    settings,
    strategy,
    rules: {
      samples: strategy === "single" ? 1 : samples,
      minScore: minScore === "none" ? undefined : minScore,
      minAgreement,
      metric,
    },
    temperature: settings.temperature,
    keepFraction,
    isValid: validWith(metric, settings.valid),
    vote: () => ({ minTeachers: agreement?.minTeachers ?? teachers, metric: metric! }),
  };
}

export const labellingDecoding = (settings: LabellingConfig): LocalDecoding => ({
  single: STRATEGY_TABLE[settings.strategy].single(settings),
  topK: settings.topK,
});

/** The selection of training sources whose targets the teacher generates. */
export function generationSelection(settings: Exclude<GenerationConfig, "none">): Selection {
  const { strategy, samples, temperature, metric: name } = settings === "greedy" ? ONE_GREEDY : settings;
  const metric = name === undefined ? undefined : taskMetric(name);
  return {
    settings: { generate: settings },
    strategy,
    rules: { samples, minScore: undefined, minAgreement: 0, metric },
    temperature,
    isValid: validWith(metric, undefined),
    vote: () => {
      throw new Error("generated targets are of one teacher");
    },
  };
}

export const generationDecoding = (settings: Exclude<GenerationConfig, "none">): LocalDecoding => ({
  single: GREEDY,
  topK: settings === "greedy" ? undefined : settings.topK,
});

const ONE_GREEDY: {
  readonly strategy: StrategyName;
  readonly samples: number;
  readonly temperature: number;
  readonly metric?: MetricName;
} = { strategy: "single", samples: 1, temperature: 1 };

/** A target must pass the check, and be one that the metric can compare others with. */
function validWith(
  metric: TaskMetric | undefined,
  check: LabellingConfig["valid"],
): (target: string) => boolean {
  const isValid = validityCheck(check);
  return (target) => isValid(target) && (metric === undefined || metric.accepts(target));
}
