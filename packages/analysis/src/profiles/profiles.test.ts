import { PROFILE_NAMES, TARGETS, profilesOf } from "@slm/devices";
import { ONNX_DTYPES } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { operatorAdvice } from "../rules/advice.js";
import { CPU } from "./cpu.js";
import { OPERATOR_RULES, profileOf } from "./profiles.js";
import { REMOVED_IN, RUNTIME_ONLY, STANDARD_SINCE } from "./standard-operators.js";

describe.each(PROFILE_NAMES)("profile %s", (name) => {
  const profile = OPERATOR_RULES[name];

  test("names only operators that exist", () => {
    const unknown = Object.keys(profile.operators).filter(
      (operator) => !operator.includes(":") && !STANDARD_SINCE.has(operator) && !RUNTIME_ONLY.has(operator),
    );
    expect(unknown).toEqual([]);
    const domains = Object.keys(profile.operators).filter((operator) => operator.includes(":"));
    expect(domains.filter((operator) => !/^com\.microsoft:[A-Za-z0-9]+$/.test(operator))).toEqual([]);
  });

  test("says where its rules come from", () => {
    expect(profile.sources.length).toBeGreaterThan(0);
    for (const { document, version } of profile.sources) expect([document, version]).not.toContain("");
  });

  test("has sensible limits", () => {
    for (const dtype of profile.dtypes) expect(Object.keys(ONNX_DTYPES)).toContain(dtype);
    for (const converted of Object.keys(profile.convertedTypes)) expect(profile.dtypes).toContain(converted);
    for (const { since = 0, until = Infinity } of Object.values(profile.operators))
      expect(since).toBeLessThan(until);
    for (const operator of [
      ...(profile.quantization?.wrapped ?? []),
      ...(profile.quantization?.sameParameters ?? []),
    ])
      expect(STANDARD_SINCE.has(operator) || RUNTIME_ONLY.has(operator)).toBe(true);
  });

  test("has advice for every operator of ONNX Runtime that it lacks", () => {
    for (const operator of Object.keys(CPU.operators)) expect(operatorAdvice(name, operator)).not.toBe("");
  });
});

test("no operator was taken out before it existed", () => {
  for (const [operator, removed] of REMOVED_IN) expect(STANDARD_SINCE.get(operator)).toBeLessThan(removed);
});

describe(profileOf, () => {
  test("every target has a usual profile, and every profile a target", () => {
    for (const target of TARGETS) expect(profilesOf(target)).toContain(profileOf(target).name);
    expect(new Set(TARGETS.flatMap((target) => profilesOf(target)))).toEqual(new Set(PROFILE_NAMES));
  });

  test("rejects a profile of another target", () => {
    expect(() => profileOf("web", "qnn")).toThrow(/target 'web' has no profile 'qnn', expected webgpu/);
  });
});

test("16-bit Sigmoid and Tanh of QNN have the scales of its quantization tool", () => {
  expect(OPERATOR_RULES.qnn.quantization?.fixedOutputs.Sigmoid?.uint16).toEqual({
    scale: 2 ** -16,
    zeroPoint: 0,
  });
  expect(OPERATOR_RULES.qnn.quantization?.fixedOutputs.Tanh?.uint16).toEqual({
    scale: 2 ** -15,
    zeroPoint: 32768,
  });
});
