import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  maskedRows,
  matrix,
  pairs,
  softmax,
  valueAndSlope,
  valueOf,
  type Pair,
} from "../../test-support/logits.test-support.js";
import { tf } from "../../recording/tf.js";
import {
  DIVERGENCE_DEFAULTS,
  DIVERGENCE_NAMES,
  DIVERGENCES,
  type DivergenceName,
  type DivergenceOptions,
} from "./divergences.js";

await tf.setBackend("cpu");

type Distribution = readonly number[];

const sumOf = (p: Distribution, q: Distribution, term: (p: number, q: number) => number): number =>
  p.reduce((sum, value, index) => sum + term(value, q[index]!), 0);
const kl = (p: Distribution, q: Distribution): number =>
  sumOf(p, q, (a, b) => (a === 0 ? 0 : a * Math.log(a / b)));
const mix = (weight: number, p: Distribution, q: Distribution): number[] =>
  p.map((value, index) => weight * value + (1 - weight) * q[index]!);

/** Every divergence as in its paper: p is the teacher, q the student. */
const DEFINITIONS: {
  readonly [N in DivergenceName]: (p: Distribution, q: Distribution, options: DivergenceOptions) => number;
} = {
  forwardKl: (p, q) => kl(p, q),
  reverseKl: (p, q) => kl(q, p),
  jensenShannon: (p, q, { beta }) => {
    const m = mix(beta, p, q);
    return beta * kl(p, m) + (1 - beta) * kl(q, m);
  },
};

/** Upper bounds at temperature 1, over all distributions. */
const BOUNDS: { readonly [N in DivergenceName]: (options: DivergenceOptions) => number } = {
  forwardKl: () => Infinity,
  reverseKl: () => Infinity,
  jensenShannon: ({ beta }) => -beta * Math.log(beta) - (1 - beta) * Math.log(1 - beta),
};

/** Creating eager tensors is slow, so the file does fewer runs than usual. */
const check = <T>(property: fc.IPropertyWithHooks<T>): void => {
  fc.assert(property, { numRuns: 25 });
};

const share = fc.double({ min: 0.02, max: 0.98, noNaN: true });
const anyOptions = fc.record({
  temperature: fc.constantFrom(0.5, 1, 2, 4),
  beta: share,
});

function compute(name: DivergenceName, pair: Pair, options: Partial<DivergenceOptions> = {}): number {
  const masked = maskedRows(pair.student, pair.mask);
  return valueOf(
    DIVERGENCES[name].compute(masked, matrix(pair.teacher), { ...DIVERGENCE_DEFAULTS, ...options }),
  );
}

const slopes = (name: DivergenceName, pair: Pair, options: Partial<DivergenceOptions> = {}): number[] =>
  valueAndSlope(maskedRows(pair.student, pair.mask), (masked) =>
    DIVERGENCES[name].compute(masked, matrix(pair.teacher), { ...DIVERGENCE_DEFAULTS, ...options }),
  ).gradient;

/** Rounding of float32 logarithms up to about 20, summed with weights of 1. */
const ROUNDING = 4e-6;

describe.each(DIVERGENCE_NAMES)("%s", (name) => {
  test("is its definition in double precision, averaged over loss tokens", () => {
    check(
      fc.property(pairs(8), anyOptions, (pair, options) => {
        const { temperature } = options;
        const rows = pair.student.map((row, index) => {
          const at = (logits: readonly number[]): number[] => softmax(logits.map((x) => x / temperature));
          return DEFINITIONS[name](at(pair.teacher[index]!), at(row), options);
        });
        const counted = rows.filter((_, index) => pair.mask[index] === 1);
        const mean = counted.reduce((sum, value) => sum + value, 0) / counted.length;
        const expected = mean * temperature ** 2;
        const tolerance = ROUNDING * temperature ** 2 * (1 + mean);
        expect(Math.abs(compute(name, pair, options) - expected)).toBeLessThan(tolerance);
      }),
    );
  });

  test("is never negative, within its bound, and finite with its gradient for logits of ten thousand", () => {
    check(
      fc.property(pairs(1e4), anyOptions, (pair, { beta }) => {
        const options = { ...DIVERGENCE_DEFAULTS, beta };
        const value = compute(name, pair, options);
        expect(value).toBeGreaterThan(-ROUNDING);
        expect(value).toBeLessThan(BOUNDS[name](options) + ROUNDING);
        expect(slopes(name, pair, options).every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test("ignores padding in value and gradient, whatever its contents", () => {
    check(
      fc.property(pairs(4), pairs(1e4), anyOptions, (pair, other, options) => {
        const vocab = pair.student[0]!.length;
        const padding = (rows: Pair["student"]): number[] =>
          Array.from({ length: vocab }, (_, index) => rows[0]![index % rows[0]!.length]!);
        const padded = (student: readonly number[], teacher: readonly number[]): Pair => ({
          student: [...pair.student, student],
          teacher: [...pair.teacher, teacher],
          mask: [...pair.mask, 0],
        });
        const zeros = new Array<number>(vocab).fill(0);
        const plain = padded(zeros, zeros);
        const filled = padded(padding(other.student), padding(other.teacher));
        expect(compute(name, filled, options)).toBe(compute(name, plain, options));
        const gradient = slopes(name, filled, options);
        expect(gradient).toEqual(slopes(name, plain, options));
        expect(gradient.slice(-vocab)).toEqual(zeros);
      }),
    );
  });

  test("is finite with its gradient when the teacher was cut to its most probable tokens", () => {
    const pair = { student: [[0.5, 1, -3, 1e4]], teacher: [[2, 1, -1e9, -1e9]], mask: [1] };
    for (const temperature of [1, 2]) {
      expect(Number.isFinite(compute(name, pair, { temperature }))).toBe(true);
      expect(slopes(name, pair, { temperature }).every(Number.isFinite)).toBe(true);
    }
  });

  test("rejects a temperature that is not above 0, and a teacher of another vocabulary, by name", () => {
    const pair = { student: [[0, 0]], teacher: [[0, 0]], mask: [1] };
    for (const temperature of [0, -1, Infinity, NaN]) {
      expect(() => compute(name, pair, { temperature })).toThrow(withCode("CONFIG_INVALID"));
    }
    const call = (): number => compute(name, { ...pair, teacher: [[0, 0, 0]] });
    expect(call).toThrow(SlmError);
    expect(call).toThrow(withCode("SHAPE_MISMATCH"));
  });
});

/** Pairs of distributions without overlap: each puts all its probability where the other has none. */
const apart = { student: [[1e4, -1e4]], teacher: [[-1e4, 1e4]], mask: [1] };

describe("jensenShannon", () => {
  test.each([0, 1, NaN])("rejects beta %d by name", (beta) => {
    expect(() => compute("jensenShannon", apart, { beta })).toThrow(withCode("CONFIG_INVALID"));
  });
});
