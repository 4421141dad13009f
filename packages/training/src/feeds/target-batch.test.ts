import { describe, expect, test } from "vitest";
import { targetFeeds } from "./target-batch.js";

const marks = { pad: 0, bos: 1, eos: 2 };

describe(targetFeeds, () => {
  test("shifts targets after the BOS token and labels them up to the EOS token", () => {
    const { feeds, lossTokens } = targetFeeds("kl", [[5, 6], [7]], { batch: 3, target: 3 }, marks);
    expect([...feeds["kl.target"]!.data]).toEqual([1, 5, 6, 1, 7, 0, 0, 0, 0]);
    expect([...feeds["kl.labels"]!.data]).toEqual([5, 6, 2, 7, 2, 0, 0, 0, 0]);
    expect([...feeds["kl.mask"]!.data]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0]);
    expect([...feeds["kl.count"]!.data]).toEqual([5]);
    expect(lossTokens).toBe(5);
  });

  test("of a target that was cut off at the width has no end label", () => {
    const { feeds } = targetFeeds("kl", [[5, 6, 7]], { batch: 1, target: 3 }, marks);
    expect([...feeds["kl.target"]!.data]).toEqual([1, 5, 6]);
    expect([...feeds["kl.labels"]!.data]).toEqual([5, 6, 7]);
  });

  test("of an empty target is the EOS token alone", () => {
    const { feeds } = targetFeeds("kl", [[]], { batch: 1, target: 2 }, marks);
    expect([...feeds["kl.labels"]!.data]).toEqual([2, 0]);
    expect([...feeds["kl.mask"]!.data]).toEqual([1, 0]);
  });

  test("of no targets counts one, so that a mean over it is finite", () => {
    const { feeds, lossTokens } = targetFeeds("kl", [], { batch: 1, target: 1 }, marks);
    expect([...feeds["kl.count"]!.data]).toEqual([1]);
    expect(lossTokens).toBe(0);
  });
});
