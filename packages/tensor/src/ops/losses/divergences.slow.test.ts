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
  forwardKl,
  reverseKl,
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

const map = (rows: Pair["student"], change: (value: number) => number): number[][] =>
  rows.map((row) => row.map(change));

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

  test("is zero, with a gradient of zero, when both agree", () => {
    check(
      fc.property(pairs(20), anyOptions, ({ student, mask }, options) => {
        const equal = { student, teacher: student, mask };
        const size = options.temperature ** 2;
        expect(Math.abs(compute(name, equal, options))).toBeLessThan(ROUNDING * size);
        for (const slope of slopes(name, equal, options))
          expect(Math.abs(slope)).toBeLessThan(ROUNDING * size);
      }),
    );
  });

  test("does not change when a number is added to all logits of a row", () => {
    check(
      fc.property(pairs(4), anyOptions, fc.integer({ min: -8, max: 8 }), (pair, options, shift) => {
        const [before, ...after] = [
          pair,
          { ...pair, student: map(pair.student, (x) => Math.fround(x + shift)) },
          { ...pair, teacher: map(pair.teacher, (x) => Math.fround(x - shift)) },
        ].map((moved) => compute(name, moved, options));
        // A shifted logit is rounded again, to 5e-7 here.
        for (const value of after) expect(Math.abs(value - before!)).toBeLessThan(1e-4);
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

  test("at a temperature is its value at 1 of the divided logits, times the stated power", () => {
    check(
      fc.property(pairs(4), anyOptions, (pair, options) => {
        const { temperature } = options;
        // Multiplying by a power of two is exact, so the logits that reach the softmax are the same bits.
        const hotter = {
          ...pair,
          student: map(pair.student, (x) => x * temperature),
          teacher: map(pair.teacher, (x) => x * temperature),
        };
        const expected = compute(name, pair, { ...options, temperature: 1 }) * temperature ** 2;
        expect(compute(name, hotter, options)).toBeCloseTo(expected, 5);
      }),
    );
  });

  test("has a gradient whose size does not depend on a high temperature", () => {
    const pair = { student: [[1, -2, 0.5, 3]], teacher: [[2, 1, -1, 0]], mask: [1] };
    const [warm, hot] = [32, 64].map((temperature) => Math.hypot(...slopes(name, pair, { temperature })));
    expect(warm! / hot!).toBeGreaterThan(0.9);
    expect(warm! / hot!).toBeLessThan(1.1);
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
      expect(() => compute(name, pair, { temperature })).toThrow("losses: temperature should be");
    }
    const call = (): number => compute(name, { ...pair, teacher: [[0, 0, 0]] });
    expect(call).toThrow(SlmError);
    expect(call).toThrow(`${name}: teacherLogits should be [1, 2], got [1, 3]`);
  });
});

/** Pairs of distributions without overlap: each puts all its probability where the other has none. */
const apart = { student: [[1e4, -1e4]], teacher: [[-1e4, 1e4]], mask: [1] };

describe("by hand", () => {
  /** Student 1/4, 3/4 and 1/2, 1/2; teacher 1/2, 1/2 and 9/10, 1/10; the third position is padding. */
  const pair: Pair = {
    student: [
      [0, Math.log(3)],
      [7, 7],
      [100, -100],
    ],
    teacher: [
      [0, 0],
      [Math.log(9), 0],
      [-5, 5],
    ],
    mask: [1, 1, 0],
  };

  test.each([
    ["forwardKl", {}, (0.5 * Math.log(4 / 3) + 0.9 * Math.log(1.8) + 0.1 * Math.log(0.2)) / 2],
    ["reverseKl", {}, (0.25 * Math.log(0.5) + 0.75 * Math.log(1.5) + 0.5 * Math.log(25 / 9)) / 2],
  ] as const)("%s %o", (name, options, expected) => {
    expect(compute(name, pair, options)).toBeCloseTo(expected, 6);
  });

  test.each([
    ["forwardKl", 2e4],
    ["reverseKl", 2e4],
    ["jensenShannon", Math.log(2)],
  ] as const)("%s of distributions that share nothing is %d", (name, expected) => {
    expect(compute(name, apart)).toBeCloseTo(expected, 5);
  });

  test("forwardKl and reverseKl alone are those of the table at temperature 1", () => {
    const masked = maskedRows(pair.student, pair.mask);
    expect(valueOf(forwardKl(masked, matrix(pair.teacher)))).toBe(compute("forwardKl", pair));
    expect(valueOf(reverseKl(masked, matrix(pair.teacher)))).toBe(compute("reverseKl", pair));
  });
});

describe("jensenShannon", () => {
  test("with equal weights is symmetric", () => {
    check(
      fc.property(pairs(8), ({ student, teacher, mask }) => {
        const [one, other] = [
          compute("jensenShannon", { student, teacher, mask }),
          compute("jensenShannon", { student: teacher, teacher: student, mask }),
        ];
        expect(Math.abs(one - other)).toBeLessThan(ROUNDING);
      }),
    );
  });

  test("over its smaller weight tends to the Kullback-Leibler divergence of the other side", () => {
    check(
      fc.property(pairs(1), (pair) => {
        const small = 2 ** -10;
        const forward = compute("jensenShannon", pair, { beta: small }) / small;
        const reverse = compute("jensenShannon", pair, { beta: 1 - small }) / small;
        expect(Math.abs(forward - compute("forwardKl", pair))).toBeLessThan(0.02);
        expect(Math.abs(reverse - compute("reverseKl", pair))).toBeLessThan(0.02);
      }),
    );
  });

  test.each([0, 1, NaN])("rejects beta %d by name", (beta) => {
    expect(() => compute("jensenShannon", apart, { beta })).toThrow(
      `losses: beta should be above 0 and below 1, got ${beta}`,
    );
  });
});

describe("jensenShannon on samples of the student (GKD)", () => {
  // Agarwal et al. 2024, equation 1, with P the teacher and Q the student, written out for two tokens.
  const generalized = (beta: number, p: number, q: number): number => {
    const m = beta * p + (1 - beta) * q;
    const side = (a: number): number => a * Math.log(a / m) + (1 - a) * Math.log((1 - a) / (1 - m));
    return beta * side(p) + (1 - beta) * side(q);
  };
  const logit = (p: number): number => Math.log(p / (1 - p));

  test.each([
    [0.1, 1],
    [0.5, 1],
    [0.9, 1],
    [0.1, 2],
    [0.5, 0.5],
  ])(
    "with beta %d at temperature %d is the paper's formula, times the temperature's square",
    (beta, temperature) => {
      const [p, q] = [0.8, 0.3];
      // Logits whose softmax at the temperature is (p, 1 - p) and (q, 1 - q).
      const rows = {
        student: [[temperature * logit(q), 0]],
        teacher: [[temperature * logit(p), 0]],
        mask: [1],
      };
      const value = compute("jensenShannon", rows, { beta, temperature });
      expect(value).toBeCloseTo(temperature ** 2 * generalized(beta, p, q), 6);
    },
  );
});
