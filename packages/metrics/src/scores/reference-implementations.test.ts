/**
 * The metrics against the public programs that define them. `packages/metrics/fixtures/metrics.py` wrote the fixtures and says with which
 * versions; PEERS_DIRECTORY compares with another set of its files, such as a random one.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bleuTokens } from "./bleu.js";
import { METRICS, isMetricName } from "../metrics.js";
import { rougeTokens } from "./rouge.js";
import { normalizeAnswer } from "./squad.js";

interface Expected {
  readonly value: number;
  readonly rows: readonly number[];
}

interface Case {
  readonly name: string;
  readonly predictions: readonly string[];
  readonly references: readonly (readonly string[])[];
  readonly metrics: Readonly<Record<string, Expected>>;
}

interface TextCase extends Case {
  readonly firstReferenceOnly: Readonly<Record<string, Expected>>;
  readonly tokens: {
    readonly bleu: readonly (readonly string[])[];
    readonly rouge: readonly (readonly string[])[];
    readonly squad: readonly string[];
  };
}

const DIRECTORY = process.env["PEERS_DIRECTORY"] ?? join(import.meta.dirname, "../../fixtures");
const texts = (readFixture("texts.json") as { readonly cases: readonly TextCase[] }).cases;
const answers = (readFixture("answers.json") as { readonly cases: readonly Case[] }).cases;

/** Sums and logarithms in another order: far below what is printed, far above the rounding of doubles. */
const DIGITS = 9;

function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(DIRECTORY, name), "utf8"));
}

function expectMetrics(
  metrics: Readonly<Record<string, Expected>>,
  predictions: readonly string[],
  references: readonly (readonly string[])[],
): void {
  for (const [name, { value, rows }] of Object.entries(metrics)) {
    if (!isMetricName(name)) throw new Error(`fixture names a metric that is not there: ${name}`);
    const { compute, rowScore } = METRICS[name];
    predictions.forEach((prediction, row) => {
      const where = `${name} of ${JSON.stringify([prediction, references[row]])}`;
      expect(rowScore(prediction, references[row]!), where).toBeCloseTo(rows[row]!, DIGITS);
    });
    expect(compute(predictions, references), name).toBeCloseTo(value, DIGITS);
  }
}

describe("METRICS equal the public programs", () => {
  test.each(texts)("on $name", ({ metrics, firstReferenceOnly, predictions, references }) => {
    expectMetrics(metrics, predictions, references);
    expectMetrics(
      firstReferenceOnly,
      predictions,
      references.map(([first]) => [first!]),
    );
  });

  test.each(answers)("on JSON with $name", ({ metrics, predictions, references }) => {
    expectMetrics(metrics, predictions, references);
  });
});

describe("tokens", () => {
  test.each(texts)("are those of the programs on $name", ({ predictions, tokens }) => {
    expect(predictions.map((text) => bleuTokens(text))).toEqual(tokens.bleu);
    expect(predictions.map((text) => rougeTokens(text))).toEqual(tokens.rouge);
    expect(predictions.map((text) => normalizeAnswer(text))).toEqual(tokens.squad);
  });
});
