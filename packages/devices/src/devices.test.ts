import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import {
  ALL_DEVICES,
  PROFILE_NAMES,
  SCHEME_NAMES,
  deviceOf,
  isProfileOf,
  nodeRuntimeOf,
  parseProfile,
} from "./index.js";

describe.each(ALL_DEVICES)("the row of target $target, profile $profile", (device) => {
  test("recommends a supported scheme, or none if none is supported", () => {
    const { takes, default: recommended, reason } = device.schemes;
    expect(SCHEME_NAMES).toEqual(expect.arrayContaining([...takes]));
    expect(takes.includes(recommended!)).toBe(takes.length > 0);
    expect(recommended === null).toBe(takes.length === 0);
    expect(reason).not.toBe("");
  });

  test("exports fixed sizes where a compiler must take the whole graph", () => {
    expect(device.shapes === "static").toBe(device.target === "npu");
  });

  test("is called simulated exactly where the runtime of NPUs opens it", () => {
    expect(device.results === "simulated").toBe(device.runtimes.includes("npu"));
  });
});

test("rows of one profile for several targets agree on the software", () => {
  for (const name of PROFILE_NAMES) {
    const [first, ...others] = ALL_DEVICES.filter(({ profile }) => profile === name);
    for (const { label, provider } of others) {
      expect(label).toBe(first!.label);
      expect(provider.name).toBe(first!.provider.name);
    }
  }
});

describe(deviceOf, () => {
  test.each(["toString", "cuda", ""])(
    "rejects profile '%s' for target npu, naming those there are",
    (name) => {
      expect(() => deviceOf("export", "npu", name)).toThrow(withCode("USAGE"));
      expect(isProfileOf("npu", name)).toBe(false);
    },
  );

  test("suggests the profiles of the target, and the targets of the profile", () => {
    expect(() => deviceOf("analyze", "web", "qnn")).toThrow(
      expect.objectContaining({
        code: "USAGE",
        suggestions: ["--target web --profile webgpu", "--target npu --profile qnn"],
      }),
    );
  });
});

describe(parseProfile, () => {
  test("takes every name of the table and rejects others", () => {
    for (const name of PROFILE_NAMES) expect(parseProfile(name)).toBe(name);
    expect(() => parseProfile("voodoo")).toThrow(withCode("USAGE"));
  });
});

test("every model is opened in Node by one runtime, those for browsers by the CPU's", () => {
  expect(ALL_DEVICES.map(({ target, profile }) => nodeRuntimeOf(target, profile))).toEqual(
    ALL_DEVICES.map(({ target }) => (target === "web" ? "cpu" : target)),
  );
});
