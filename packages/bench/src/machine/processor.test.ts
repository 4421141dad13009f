import { describe, expect, test } from "vitest";
import { processorTicks, stolenShare } from "./processor.js";

describe(stolenShare, () => {
  test("is the stolen part of the time that passed, guests counted once", () => {
    const before = processorTicks("cpu  100 0 0 900 0 0 0 10 50 0\ncpu0 1 2\n");
    const after = processorTicks("cpu  150 0 0 930 0 0 0 30 99 0\n");
    expect(before).toEqual({ total: 1010, stolen: 10 });
    expect(stolenShare(before, after)).toBeCloseTo(0.2);
  });

  test("is null where the system does not tell", () => {
    expect(processorTicks("")).toBeUndefined();
    expect(processorTicks("cpu 1 2 3\n")).toBeUndefined();
    expect(stolenShare(undefined, { total: 1, stolen: 0 })).toBeNull();
  });
});
