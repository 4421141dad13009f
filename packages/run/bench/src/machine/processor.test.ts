import { describe, expect, test } from "vitest";
import { processorFeatures, processorTicks, stolenShare } from "./processor.js";

describe(processorFeatures, () => {
  test("names what matters of the first processor, on x86 and on ARM", () => {
    const x86 = "processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni smep\nflags\t\t: avx\n";
    expect(processorFeatures(x86)).toEqual(["avx2", "avx512_vnni"]);
    expect(processorFeatures("Features\t: fp asimd i8mm\n")).toEqual(["asimd", "i8mm"]);
  });

  test("is null where the system does not tell", () => {
    expect(processorFeatures("")).toBeNull();
  });
});

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
