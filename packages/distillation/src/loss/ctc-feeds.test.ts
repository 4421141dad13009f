import { describe, expect, test } from "vitest";
import { ctcFeeds } from "./ctc-feeds.js";

const shape = { batch: 3, target: 4, frames: 3, vocabulary: 6 };

describe(ctcFeeds, () => {
  const feeds = ctcFeeds([[4, 5], [5, 5, 4], []], shape, 0);
  const rows = (name: string): number[][] => {
    const { data, shape: size } = feeds[name]!;
    return Array.from({ length: 3 }, (_, row) => [
      ...(data as Float32Array).subarray(row * size[1]!, (row + 1) * size[1]!),
    ]);
  };

  test("has a state for each label, with blanks between and around them", () => {
    const { data } = feeds["ctc.states"]!;
    const tokens = Array.from({ length: 21 }, (_, state) =>
      (data as Float32Array).subarray(state * 6, state * 6 + 6).indexOf(1),
    );
    expect(tokens.slice(0, 7)).toEqual([0, 4, 0, 5, 0, -1, -1]);
    expect(tokens.slice(7, 14)).toEqual([0, 5, 0, 5, 0, 4, 0]);
  });

  test("allows skipping a blank between different labels, and ends at the last label or the blank after it", () => {
    expect(rows("ctc.skip").slice(0, 2)).toEqual([
      [0, 0, 0, 1, 0, 0, 0],
      [0, 0, 0, 0, 0, 1, 0],
    ]);
    expect(rows("ctc.end")[0]).toEqual([0, 0, 0, 1, 1, 0, 0]);
  });

  test("ignores unlabelled rows, and rows with more labels and repeats than frames", () => {
    expect([...feeds["ctc.mask"]!.data]).toEqual([1, 0, 0]);
    expect([...feeds["ctc.count"]!.data]).toEqual([2]);
  });
});
