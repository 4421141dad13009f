import { withCode } from "@slm/core/testing";
import { PROFILE_NAMES, TARGETS, profilesOf } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { OPERATOR_RULES, profileOf } from "./profiles.js";
import { RUNTIME_ONLY, STANDARD_SINCE } from "./standard-operators.js";

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

  test("has rules exactly if a program confirmed them", () => {
    expect(Object.keys(profile.operators).length > 0).toBe(profile.confirmedBy !== null);
    expect(profile.sources.length > 0).toBe(profile.confirmedBy !== null);
  });
});

describe(profileOf, () => {
  test("every target has a usual profile, and every profile a target", () => {
    for (const target of TARGETS) expect(profilesOf(target)).toContain(profileOf(target).name);
    expect(new Set(TARGETS.flatMap((target) => profilesOf(target)))).toEqual(new Set(PROFILE_NAMES));
  });

  test("rejects a profile of another target", () => {
    expect(() => profileOf("web", "qnn")).toThrow(withCode("USAGE"));
  });
});
