import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { valueOf } from "../../test-support/logits.test-support.js";
import { tf } from "../../recording/tf.js";
import { ctc, type CtcInputs } from "./ctc.js";

await tf.setBackend("cpu");

const VOCABULARY = 4;
/** Token 0. */
const BLANK = 0;

/** Inputs for rows of labels, none longer than the first. */
function inputsOf(logits: number[][][], rows: readonly number[][]): CtcInputs {
  const length = 2 * rows[0]!.length + 1;
  const tokens = rows.map((labels) =>
    Array.from({ length }, (_, state) => (state % 2 === 0 ? BLANK : labels[(state - 1) / 2])),
  );
  const own = rows.map((labels) => 2 * labels.length + 1);
  return {
    logits: tf.tensor3d(logits),
    states: tf.tensor3d(
      tokens.map((row, b) =>
        row.map((token, state) =>
          Array.from({ length: VOCABULARY }, (_, v) => (state < own[b]! && v === token ? 1 : 0)),
        ),
      ),
    ),
    skip: tf.tensor2d(
      tokens.map((row) => row.map((token, s) => (s % 2 === 1 && s > 1 && token !== row[s - 2] ? 1 : 0))),
    ),
    end: tf.tensor2d(
      tokens.map((row, b) => row.map((_, s) => (s === own[b]! - 1 || s === own[b]! - 2 ? 1 : 0))),
    ),
    mask: tf.tensor1d(rows.map(() => 1)),
    count: tf.scalar(rows.reduce((sum, { length: count }) => sum + count, 0)),
  };
}

const noise = (frames: number, seed: number): number[][] =>
  Array.from({ length: frames }, (_, t) =>
    Array.from({ length: VOCABULARY }, (_unused, v) => 2 * Math.sin(seed + 5 * t + 11 * v)),
  );

/** The probability by definition: the sum over all paths of tokens that become the labels when repeats and blanks are removed. */
function byPaths(logits: number[][], labels: readonly number[]): number {
  const probabilities = logits.map((row) => {
    const sum = row.reduce((all, value) => all + Math.exp(value), 0);
    return row.map((value) => Math.exp(value) / sum);
  });
  let total = 0;
  const walk = (frame: number, last: number, spelled: readonly number[], probability: number): void => {
    if (frame === logits.length) {
      if (spelled.join() === labels.join()) total += probability;
      return;
    }
    for (let token = 0; token < VOCABULARY; token++) {
      const next = token === BLANK || token === last ? spelled : [...spelled, token];
      walk(frame + 1, token, next, probability * probabilities[frame]![token]!);
    }
  };
  walk(0, -1, [], 1);
  return total;
}

describe(ctc, () => {
  test.each([[[1]], [[1, 2]], [[2, 2]], [[3, 1, 3]], [[1, 1, 1]]])(
    "is the probability of all paths that spell %j",
    (labels) => {
      const logits = noise(5, labels.length);
      expect(valueOf(ctc(inputsOf([logits], [labels])))).toBeCloseTo(
        -Math.log(byPaths(logits, labels)) / labels.length,
        4,
      );
    },
  );

  test("adds rows of different lengths, per label, and leaves out rows that do not count", () => {
    const [first, second] = [noise(4, 1), noise(4, 2)];
    const both = [-Math.log(byPaths(first, [1, 2, 3])), -Math.log(byPaths(second, [2]))] as const;
    const inputs = inputsOf([first, second], [[1, 2, 3], [2]]);
    expect(valueOf(ctc(inputs))).toBeCloseTo((both[0] + both[1]) / 4, 4);
    const one = { ...inputs, mask: tf.tensor1d([0, 1]), count: tf.scalar(1) };
    expect(valueOf(ctc(one))).toBeCloseTo(both[1], 4);
  });

  test("has a useful gradient where the labels are all but impossible", () => {
    const sure = noise(5, 1).map((row) => row.map((_, token) => (token === 3 ? 200 : 0)));
    const inputs = inputsOf([sure], [[1, 2]]);
    expect(valueOf(ctc(inputs))).toBeCloseTo((5 * 200) / 2, -1);
    const gradient = tf
      .grad((logits) => ctc({ ...inputs, logits }))(inputs.logits)
      .dataSync();
    expect([...gradient].every((value) => Number.isFinite(value))).toBe(true);
    // Away from what is wrong, by half a label a frame.
    expect(gradient[3]).toBeCloseTo(0.5, 4);
  });

  test("stays finite, with its gradient, where the labels do not fit into the frames", () => {
    const inputs = inputsOf([noise(2, 3)], [[1, 1, 2]]);
    const gradient = tf.grad((logits) => ctc({ ...inputs, logits, mask: tf.tensor1d([0]) }))(inputs.logits);
    expect([...gradient.dataSync()].every((value) => value === 0)).toBe(true);
  });

  test("rejects tensors with the wrong shape", () => {
    const inputs = inputsOf([noise(3, 1)], [[1]]);
    expect(() => ctc({ ...inputs, skip: tf.zeros([1, 2]) })).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
