/** Run by `node --test tools/suite`, after `npm run build`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gainOver, intervalOf, meanOver, sampleArms } from "./statistics.mjs";
import { randomNumbers } from "../lib/random-numbers.mjs";

const ROWS = 500;
/** A model that answers a share of the rows. */
const answers = (share, seed = 1) => {
  const random = randomNumbers(seed);
  return Array.from({ length: ROWS }, (_, row) => ({
    source: `source ${row}`,
    prediction: random() < share ? `answer ${row}` : "wrong",
    references: [`answer ${row}`],
  }));
};

test("the interval of one seed has the width of the binomial law", () => {
  const { arms } = sampleArms("exactMatch", { labels: [answers(0.8)] }, 1);
  const { value, low, high } = intervalOf(arms.labels.value, arms.labels.samples);
  // 100 * 1.96 * sqrt(0.8 * 0.2 / 500) = 3.5 points
  assert.ok(Math.abs(value - 80) < 4);
  assert.ok(high - low > 6 && high - low < 8, `${low} to ${high}`);
});

test("a difference is paired by rows: what is answered alike adds no width", () => {
  const better = answers(0.8);
  const worse = better.map((row, place) => (place % 25 === 0 ? { ...row, prediction: "wrong" } : row));
  const sampled = sampleArms("exactMatch", { labels: [worse], full: [better] }, 1);
  const gain = gainOver(sampled, "full", "labels");
  const { value, low, high } = intervalOf(gain.value, gain.samples);
  assert.ok(value > 2 && value <= 4 && low > 1 && high < 6, `${value}: ${low} to ${high}`);
});

test("seeds that differ widen the interval", () => {
  const width = (seeds) => {
    const { arms } = sampleArms("exactMatch", { labels: seeds }, 1);
    const { low, high } = intervalOf(arms.labels.value, arms.labels.samples);
    return high - low;
  };
  assert.ok(
    width([answers(0.5), answers(0.7, 2), answers(0.9, 3)]) >
      2 * width([answers(0.7), answers(0.7), answers(0.7)]),
  );
});

test("a lower error rate is a gain", () => {
  const sampled = sampleArms("cer", { labels: [answers(0.5)], full: [answers(0.9)] }, 1);
  assert.ok(gainOver(sampled, "full", "labels").value > 0);
});

test("the mean over tasks is narrower than each", () => {
  const gains = [1, 2, 3, 4].map((seed) => {
    const sampled = sampleArms(
      "exactMatch",
      { labels: [answers(0.5, seed)], full: [answers(0.6, seed + 9)] },
      seed,
    );
    return gainOver(sampled, "full", "labels");
  });
  const width = ({ value, samples }) => {
    const { low, high } = intervalOf(value, samples);
    return high - low;
  };
  assert.ok(width(meanOver(gains)) < 0.7 * width(gains[0]));
});

test("arms with other test rows are rejected", () => {
  assert.throws(
    () => sampleArms("exactMatch", { labels: [answers(1)], full: [answers(1).slice(1)] }, 1),
    /full: its test rows are not those of the other arms/,
  );
});
