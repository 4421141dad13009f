import { describe, expect, test } from "vitest";
import { sequenceBatch } from "./sequence.js";

const tokens = { pad: 0, bos: 1 };

describe(sequenceBatch, () => {
  const batch = sequenceBatch(
    [
      { source: [5, 6], target: [7, 8] },
      { source: [9, 9, 9], target: [4] },
    ],
    { batch: 3, source: 3, target: 3 },
    tokens,
  );

  test("lays out source, BOS token and target, padded on the right", () => {
    expect(batch.inputs.shape).toEqual([3, 6]);
    expect([...batch.inputs.data]).toEqual([5, 6, 1, 7, 8, 0, 9, 9, 9, 1, 4, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("points each label at the position that predicts it, from the BOS token on", () => {
    expect([...batch.positions.data].slice(0, 6)).toEqual([2, 3, 4, 9, 10, 11]);
  });

  test("keeps the position of a full row inside its own row", () => {
    const full = sequenceBatch([{ source: [5, 5], target: [6] }], { batch: 1, source: 2, target: 2 }, tokens);
    expect([...full.positions.data]).toEqual([2, 3]);
    const short = sequenceBatch([{ source: [5, 5], target: [] }], { batch: 1, source: 2, target: 3 }, tokens);
    expect([...short.positions.data]).toEqual([2, 3, 4]);
  });
});
