import { describe, expect, test } from "vitest";
import { cpuFeatures, int8Arithmetic } from "./cpu-features.js";

describe(cpuFeatures, () => {
  test("lists the relevant features of the first CPU, on x86 and on ARM", () => {
    const x86 = "processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni smep\nflags\t\t: avx\n";
    expect(cpuFeatures(x86)).toEqual(["avx2", "avx512_vnni"]);
    expect(cpuFeatures("Features\t: fp asimd i8mm\n")).toEqual(["asimd", "i8mm"]);
  });

  test("is null where the system does not tell", () => {
    expect(cpuFeatures("")).toBeNull();
    expect(cpuFeatures(undefined)).toBeNull();
  });
});

describe(int8Arithmetic, () => {
  test("names the instructions that make int8 products exact and fast", () => {
    expect(int8Arithmetic(false, ["avx2", "avx512_vnni"])).toEqual({
      instructions: ["avx512_vnni"],
      saturates: false,
      meaning: "int8 products are exact and fast (avx512_vnni)",
    });
  });

  test("trusts the measurement, not the system's list", () => {
    expect(int8Arithmetic(true, ["avx2", "avx512_vnni"])).toMatchObject({
      instructions: [],
      saturates: true,
    });
  });

  test("mentions no instructions if the system does not report them", () => {
    expect(int8Arithmetic(false, null)).toEqual({
      instructions: null,
      saturates: false,
      meaning: "int8 products are exact",
    });
  });
});
