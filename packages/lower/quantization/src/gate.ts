/** The question a quantized model must answer: is it still good enough? Pure arithmetic; the measuring is done elsewhere. */
import { SlmError } from "@slm/error";

/** How much worse a metric may become. */
export interface Gate {
  readonly metric: string;
  /** In the unit of the metric: 0.01 lets an error rate rise, or an accuracy fall, by one percentage point. */
  readonly maxDrop: number;
}

export interface GateQuestion extends Gate {
  /** The metric of the float32 model, and that of the quantized one, on the same data. */
  readonly before: number;
  readonly after: number;
  /** Whether a better model has a lower value (an error rate) or a higher one (an accuracy). */
  readonly betterIs: "lower" | "higher";
}

export interface GateResult {
  readonly metric: string;
  readonly before: number;
  readonly after: number;
  /** The worst `after` that passes. */
  readonly limit: number;
  readonly pass: boolean;
}

const GATE = /^([a-z][A-Za-z0-9]*):(\d+(?:\.\d+)?|\.\d+)$/;

/** Decimal fractions are not exact: 0.1 + 0.2 must still let 0.3 pass. Far below one example of any test set. */
const SLACK = 1e-9;

/**
 * Reads a gate as the command line writes it, `metric:maxDrop`.
 *
 * @throws SlmError USAGE for anything else, signs, percent and units included.
 * @example parseGate("wordError:0.01") // at most one percentage point worse
 */
export function parseGate(text: string): Gate {
  const [, metric, drop] = GATE.exec(text) ?? [];
  const maxDrop = Number(drop);
  if (metric !== undefined && drop !== undefined && Number.isFinite(maxDrop)) return { metric, maxDrop };
  throw new SlmError("USAGE", `quantize: a gate is metric:maxDrop, such as wordError:0.01, got '${text}'`, {
    context: { gate: text },
    suggestions: ["--gate wordError:0.01 allows one percentage point more errors"],
  });
}

/**
 * Whether the quantized model passes: `after` is at most `maxDrop` worse than `before`.
 *
 * @throws SlmError DATA_INVALID if a number is not finite or `maxDrop` is negative: an answer would mean nothing.
 */
export function checkGate(question: GateQuestion): GateResult {
  const { metric, before, after, maxDrop, betterIs } = question;
  const bad = Object.entries({ before, after, maxDrop }).find(([, value]) => !Number.isFinite(value));
  if (bad !== undefined || maxDrop < 0) {
    const [name, value] = bad ?? ["maxDrop", maxDrop];
    throw new SlmError(
      "DATA_INVALID",
      `quantize: gate on '${metric}': ${name} must be a number, and maxDrop not negative; got ${value}`,
    );
  }
  const limit = betterIs === "lower" ? before + maxDrop : before - maxDrop;
  const worseBy = betterIs === "lower" ? after - limit : limit - after;
  return { metric, before, after, limit, pass: worseBy <= SLACK };
}
