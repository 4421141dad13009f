/** The quality gate of a quantized model: compares the loss of a metric with a limit. Callers measure the metric. */
import { SlmError } from "@slm/core";

/** A metric and its largest allowed loss. */
export interface Gate {
  readonly metric: string;
  /** In the unit of the metric: 0.01 lets an error rate rise, or an accuracy fall, by one percentage point. */
  readonly maxDrop: number;
}

/** A parsed gate, in the metric's own unit or in points (hundredths of a fraction). */
export interface WrittenGate extends Gate {
  readonly unit: "metric" | "points";
}

export interface GateQuestion extends Gate {
  /** The lowest value that may pass, for an error rate the highest, however small the loss [unit of the metric]. Default: none. */
  readonly limit?: number | undefined;
  /** The metric of the float32 model and of the quantized one, on the same data. */
  readonly before: number;
  readonly after: number;
  /** Whether lower values (an error rate) or higher values (an accuracy) are better. */
  readonly higherIsBetter: boolean;
}

export interface GateResult {
  readonly metric: string;
  readonly before: number;
  readonly after: number;
  /** The worst `after` that passes. */
  readonly limit: number;
  readonly pass: boolean;
}

const GATE = /^([a-z][A-Za-z0-9]*):(\+?)(\d+(?:\.\d+)?|\.\d+)$/;

/** Tolerance for floating-point rounding: 0.1 + 0.2 must not exceed 0.3. Far below one example of any test set. */
const SLACK = 1e-9;

/**
 * Reads a gate as the command line writes it: `metric:maxDrop` in the unit of the metric, or `metric:+points`.
 *
 * @throws SlmError USAGE for anything else: minus, percent, letters.
 * @example parseGate("wer:0.01") // at most one percentage point worse
 * @example parseGate("wer:+0.5") // at most half a percentage point worse
 */
export function parseGate(text: string): WrittenGate {
  const [, metric, plus, drop] = GATE.exec(text) ?? [];
  const maxDrop = Number(drop);
  if (metric !== undefined && drop !== undefined && Number.isFinite(maxDrop)) {
    return { metric, maxDrop, unit: plus === "+" ? "points" : "metric" };
  }
  throw new SlmError("USAGE", `quantize: a gate is metric:maxDrop or metric:+points, got '${text}'`, {
    context: { gate: text },
    suggestions: ["--gate wer:0.01, or --gate wer:+1, allow one percentage point more errors"],
  });
}

/** The gate in the metric's unit. A point is 0.01 of a fraction, or 1 of a metric that counts in points. */
export function gateIn(metricUnit: "fraction" | "points", { metric, maxDrop, unit }: WrittenGate): Gate {
  return { metric, maxDrop: unit === "points" && metricUnit === "fraction" ? maxDrop / 100 : maxDrop };
}

/**
 * Whether the quantized model passes: `after` is at most `maxDrop` worse than `before`, and within the absolute limit if there is one.
 *
 * @throws SlmError DATA_INVALID if a number is not finite or `maxDrop` is negative.
 */
export function checkGate(question: GateQuestion): GateResult {
  const { metric, before, after, maxDrop, higherIsBetter } = question;
  const bad = Object.entries({ before, after, maxDrop }).find(([, value]) => !Number.isFinite(value));
  if (bad !== undefined || maxDrop < 0) {
    const [name, value] = bad ?? ["maxDrop", maxDrop];
    throw new SlmError(
      "DATA_INVALID",
      `quantize: gate on '${metric}': ${name} must be finite and maxDrop must not be negative, got ${value}`,
    );
  }
  const { limit: given = higherIsBetter ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY } = question;
  const limit = !higherIsBetter ? Math.min(before + maxDrop, given) : Math.max(before - maxDrop, given);
  const worseBy = !higherIsBetter ? after - limit : limit - after;
  return { metric, before, after, limit, pass: worseBy <= SLACK };
}
