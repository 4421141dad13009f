import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGate, gateIn, parseGate } from "./gate.js";

describe(parseGate, () => {
  test("reads metric:+points, a hundredth of a fraction each", () => {
    const written = parseGate("wer:+0.5");
    expect(written).toEqual({ metric: "wer", maxDrop: 0.5, unit: "points" });
    expect(gateIn("fraction", written)).toEqual({ metric: "wer", maxDrop: 0.005 });
    expect(gateIn("points", parseGate("bleu:+0.5")).maxDrop).toBe(0.5);
    expect(gateIn("fraction", parseGate("wer:0.5")).maxDrop).toBe(0.5);
  });

  test.each(["wer", ":0.01", "wer:++1", "wer:-0.01", "wer:1e-2", "wer:0.01:2", "wer:0.01\n"])(
    "rejects %j",
    (text) => {
      expect(() => parseGate(text)).toThrow(withCode("USAGE"));
    },
  );

  test("reads back what it is written as, and rejects or reads any text without another error", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (parts) => {
        expect(parseGate(`loss:${parts / 10_000}`).maxDrop).toBe(parts / 10_000);
      }),
      // Below 1e-6 JavaScript would write an exponent.
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseGate(text).maxDrop).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toMatchObject({ code: "USAGE" });
        }
      }),
    );
  });
});

describe("an absolute gate", () => {
  const asked = { metric: "exactMatch", before: 0.9, maxDrop: 0.05, higherIsBetter: true };

  test("fails a model below the limit, however small its loss", () => {
    const poor = { ...asked, before: 0.1, after: 0.1 };
    expect(checkGate(poor)).toMatchObject({ pass: true });
    expect(checkGate({ ...poor, limit: 0.8 })).toMatchObject({ limit: 0.8, pass: false });
  });

  test("leaves the stricter of both limits", () => {
    expect(checkGate({ ...asked, after: 0.84, limit: 0.8 })).toMatchObject({ limit: 0.85, pass: false });
    expect(checkGate({ ...asked, after: 0.84, limit: 0.5, maxDrop: 0.1 })).toMatchObject({ pass: true });
  });

  test("of an error rate is the highest value", () => {
    const errors = { metric: "wer", before: 0.2, after: 0.25, maxDrop: 1, higherIsBetter: false };
    expect(checkGate({ ...errors, limit: 0.3 })).toMatchObject({ limit: 0.3, pass: true });
    expect(checkGate({ ...errors, limit: 0.22 })).toMatchObject({ limit: 0.22, pass: false });
  });
});

describe(checkGate, () => {
  const wer = { metric: "wer", before: 0.3, maxDrop: 0.01, higherIsBetter: false } as const;
  const accuracy = { metric: "exactMatch", before: 0.7, maxDrop: 0.01, higherIsBetter: true } as const;

  test("lets an error rate rise by maxDrop and no more", () => {
    expect(checkGate({ ...wer, after: 0.309 })).toEqual({
      metric: "wer",
      before: 0.3,
      after: 0.309,
      limit: 0.31,
      pass: true,
    });
    expect(checkGate({ ...wer, after: 0.311 }).pass).toBe(false);
  });

  test("lets an accuracy fall by maxDrop and no more", () => {
    expect(checkGate({ ...accuracy, after: 0.691 })).toMatchObject({ limit: 0.7 - 0.01, pass: true });
    expect(checkGate({ ...accuracy, after: 0.689 }).pass).toBe(false);
  });

  test("passes at the limit itself, whatever decimal fractions round to", () => {
    expect(checkGate({ ...wer, before: 0.1, maxDrop: 0.2, after: 0.3 }).pass).toBe(true);
    expect(checkGate({ ...accuracy, before: 0.3, maxDrop: 0.1, after: 0.2 }).pass).toBe(true);
  });

  test("gives no answer for numbers that are none", () => {
    for (const broken of [{ before: NaN }, { after: NaN }, { maxDrop: Infinity }, { maxDrop: -1 }]) {
      expect(() => checkGate({ ...wer, after: 0.3, ...broken })).toThrow(withCode("DATA_INVALID"));
    }
  });
});
