import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { divergence, logSoftmax, madeUpLogits, type Sharpness } from "../testing/synthetic-teacher.js";
import { BitReader, BitWriter } from "./bits.js";
import { codeOf, largestCode, massesOf, STEP_COUNT } from "./compander.js";
import { readDistribution, writeDistribution } from "./distribution-code.js";
import { topTokens } from "./top-tokens.js";
import { encodePair, recordBudget } from "./write-shard.js";

const SHARPNESS: readonly Sharpness[] = ["flat", "broad", "peaked"];
const sharpness = fc.constantFrom(...SHARPNESS);
const seed = fc.nat(1 << 30);

/**
 * Maximum divergence of one outcome from its decoded probability [nats]: the writer's target of 2e-5 for the whole
 * distribution, plus the rounding of 32-bit rows. Merging outcomes cannot add divergence (log sum inequality; Cover and Thomas 2006,
 * section 2.7), so the target bounds each outcome against all others. The bound is about 0.6 % of a probability of one half, and 6.3 %
 * of a probability of 0.01, so a fixed relative bound cannot express it.
 */
const BOUND = 2e-5 + 1e-6;

/** KL divergence of "this outcome, or any other" at probability p from the same at q [nats]. */
function divergenceOfOne(p: number, q: number): number {
  const term = (exact: number, decoded: number): number =>
    exact <= 0 ? 0 : exact * Math.log(exact / decoded);
  return term(p, q) + term(1 - p, 1 - q);
}

/** Encodes and decodes one row of logits. */
function roundTrip(
  logits: Float32Array,
  k: number,
  budget = 1e6,
): { bits: number; kl: number; row: Float32Array } {
  const shape = { vocabularySize: logits.length, k: Math.min(k, logits.length) };
  const writer = new BitWriter();
  const kl = writeDistribution(writer, topTokens(logits, shape.k), shape, budget);
  const bits = writer.bitLength;
  const reader = new BitReader(writer.take());
  const row = new Float32Array(logits.length);
  readDistribution(reader, row, shape);
  expect(reader.remaining).toBeLessThan(8);
  return { bits, kl, row };
}

describe(writeDistribution, () => {
  test("keeps the k most probable tokens, shares the tail among the others, and sums to one", () => {
    const property = fc.property(
      seed,
      sharpness,
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 2, max: 120 }),
      (s, sharp, k, vocab) => {
        const logits = madeUpLogits(s, vocab, sharp);
        const { row } = roundTrip(logits, k);
        expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
        const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
        const exact = logSoftmax(logits);
        const kept = new Set(order.slice(0, k));
        // A geometric bin spans a factor of four; the error of relevant tokens is far smaller.
        for (const id of kept) {
          const isLarge = exact[id]! > Math.log(0.01);
          expect(Math.abs(row[id]! - exact[id]!), `token ${id}`).toBeLessThan(isLarge ? 0.1 : 1.5);
          expect(divergenceOfOne(Math.exp(exact[id]!), Math.exp(row[id]!)), `token ${id}`).toBeLessThan(
            BOUND,
          );
        }
        const others = order.slice(k).map((id) => row[id]!);
        expect(new Set(others).size).toBeLessThanOrEqual(1);
        const tail = order.slice(k).reduce((sum, id) => sum + Math.exp(exact[id]!), 0);
        if (others.length > 0)
          expect(divergenceOfOne(tail, Math.exp(others[0]!) * others.length), "tail").toBeLessThan(BOUND);
      },
    );
    fc.assert(property, { numRuns: 200, examples: [[339534534, "broad", 1, 5]] });
  });

  test("reports the divergence that the decoded row has", () => {
    const property = fc.property(seed, sharpness, fc.integer({ min: 1, max: 80 }), (s, sharp, k) => {
      const logits = madeUpLogits(s, 64, sharp);
      const exact = logSoftmax(logits);
      const { row, kl } = roundTrip(logits, k);
      const top = topTokens(logits, Math.min(k, 64));
      const rounding = Array.from(top.ids, (id) => Math.exp(exact[id]!) * (exact[id]! - row[id]!));
      const shared = row[Array.from(row.keys()).find((id) => !top.ids.includes(id)) ?? 0]!;
      const tail = top.tail === 0 ? 0 : top.tail * (Math.log(top.tail / (64 - k)) - shared);
      expect(kl).toBeCloseTo(
        rounding.reduce((sum, value) => sum + value, tail),
        6,
      );
      expect(kl).toBeLessThanOrEqual(2e-5);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("adds at most 1e-4 nats at a vocabulary of 32,768 within the budget of a position, for any shape of distribution", () => {
    for (const sharp of SHARPNESS) {
      const results = Array.from({ length: 4 }, (_, s) =>
        roundTrip(madeUpLogits(s + 1, 32_768, sharp), 50, recordBudget(8, 50) / 8),
      );
      const mean = results.reduce((sum, { kl }) => sum + kl, 0) / results.length;
      expect(mean, sharp).toBeLessThan(1e-4);
      for (const { bits } of results) expect(bits / 8).toBeLessThan(113);
    }
  });

  test("needs no bytes for ids if the whole vocabulary is kept", () => {
    const logits = madeUpLogits(1, 50);
    expect(roundTrip(logits, 50).bits).toBeLessThan(roundTrip(logits, 49).bits);
  });

  test("finer steps cost bits and coarser steps cost divergence; the budget is met if any step meets it", () => {
    const logits = madeUpLogits(2, 1000);
    const free = roundTrip(logits, 50);
    const tight = roundTrip(logits, 50, free.bits - 60);
    expect(tight.bits).toBeLessThanOrEqual(free.bits - 60);
    expect(tight.kl).toBeGreaterThan(free.kl);
  });

  test("a probability below the range of float is kept as a small one", () => {
    const logits = Float32Array.of(0, -500, -800, 2);
    const { row } = roundTrip(logits, 4);
    expect(row[1]).toBeLessThan(-15);
    expect(Number.isFinite(row[1])).toBe(true);
    expect(row[3]).toBeCloseTo(logSoftmax(logits)[3]!, 2);
  });
});

describe(encodePair, () => {
  test("needs at most 115 bytes per token, including its entry, at k = 50 and any vocabulary up to 2^18", () => {
    const vocabulary = fc.oneof(fc.integer({ min: 4, max: 5000 }), fc.constantFrom(32_768, 1 << 18));
    const property = fc.property(
      seed,
      sharpness,
      vocabulary,
      fc.integer({ min: 2, max: 4 }),
      (s, sharp, vocab, tokens) => {
        const logits = new Float32Array(tokens * vocab);
        for (let i = 0; i < tokens; i++) logits.set(madeUpLogits(s + i, vocab, sharp), i * vocab);
        const shape = { vocabularySize: vocab, k: Math.min(50, vocab) };
        const { record, sums } = encodePair(new BitWriter(), logits, shape);
        expect(record.length + 16 + 0.5).toBeLessThanOrEqual(115 * tokens);
        expect(sums.quantizationKl / tokens).toBeLessThan(vocab > 40_000 ? 0.01 : 2e-4);
      },
    );
    fc.assert(property, { numRuns: 12 });
  });

  test("measures KL(teacher || decoded) of every position", () => {
    const property = fc.property(seed, sharpness, fc.integer({ min: 1, max: 40 }), (s, sharp, k) => {
      const vocabularySize = 30;
      const rows = [0, 1, 2].map((i) => madeUpLogits(s + i, vocabularySize, sharp));
      const shape = { vocabularySize, k: Math.min(k, vocabularySize) };
      const { record, sums } = encodePair(
        new BitWriter(),
        Float32Array.from(rows.flatMap((row) => [...row])),
        shape,
      );
      const reader = new BitReader(record);
      const divergences = rows.map((logits) => {
        const decoded = new Float32Array(vocabularySize);
        readDistribution(reader, decoded, shape);
        return divergence(logSoftmax(logits), decoded);
      });
      expect(sums.kl).toBeCloseTo(
        divergences.reduce((sum, value) => sum + value, 0),
        5,
      );
      expect(sums.maxKl).toBeCloseTo(Math.max(...divergences), 5);
    });
    fc.assert(property, { numRuns: 60 });
  });
});

describe(readDistribution, () => {
  test("any bytes result in finite log-probabilities or an error with a code", () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.integer({ min: 1, max: 20 }),
      (bytes, k) => {
        const row = new Float32Array(20);
        try {
          readDistribution(new BitReader(bytes), row, { vocabularySize: 20, k });
          expect(row.every((value) => Number.isFinite(value) && value <= 1e-6)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "DATA_INVALID" });
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

describe("the compander", () => {
  test("is monotonic, and decodes to a probability near the original", () => {
    const property = fc.property(
      fc.double({ min: -30, max: 0, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: STEP_COUNT - 1 }),
      (logProbability, less, step) => {
        const code = codeOf(Math.exp(logProbability / 2), step);
        expect(code).toBeLessThanOrEqual(largestCode(step));
        expect(codeOf(Math.exp((logProbability - less) / 2), step)).toBeLessThanOrEqual(code);
        const ratio = massesOf(step).mass[code]! / Math.exp(logProbability);
        if (code > 0) expect(Math.abs(Math.log(ratio))).toBeLessThan(1.1);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
