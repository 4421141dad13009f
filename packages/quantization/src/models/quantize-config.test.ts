import { SCHEME_NAMES } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { quantizeConfig } from "./quantize-config.js";
import { schemes } from "./schemes.js";

describe("quantizeConfig", () => {
  test("deploys the cpu scheme by default, unless the metric gets one point worse", () => {
    expect(quantizeConfig.parse({ gate: { metric: "exactMatch" } })).toEqual({
      schemes: ["cpu"],
      gate: { metric: "exactMatch", maxDrop: 0.01 },
    });
  });

  test.each([{}, { gate: {} }, { gate: { maxDrop: 0 } }])("asks which metric decides: %j", (config) => {
    expect(() => quantizeConfig.parse(config)).toThrow("expected a metric, got none");
  });

  test("fills in the part of a gate that is left out", () => {
    expect(quantizeConfig.parse({ gate: { metric: "wer" } }).gate).toEqual({
      metric: "wer",
      maxDrop: 0.01,
    });
  });

  test.each([
    { schemes: [] },
    { schemes: ["cpu", "cpu"] },
    { schemes: ["int3"] },
    { scheme: "cpu" },
    { method: "awq" },
    { embedding: "int3" },
    { embedding: "int2-block" },
    { gate: { metric: "exactMatch", maxDrop: -0.1 } },
    { gate: { metric: "" } },
  ])("rejects %j", (config) => {
    expect(quantizeConfig.safeParse({ gate: { metric: "exactMatch" }, ...config }).success).toBe(false);
  });

  test("knows every scheme of the table", () => {
    expect([...SCHEME_NAMES].sort()).toEqual(Object.keys(schemes).sort());
  });
});
