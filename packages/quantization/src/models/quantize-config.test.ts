import { describe, expect, test } from "vitest";
import { quantizeConfig } from "./quantize-config.js";

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

  test.each([{ schemes: [] }, { schemes: ["cpu", "cpu"] }, { embedding: "int2-block" }])(
    "rejects %j",
    (config) => {
      expect(quantizeConfig.safeParse({ gate: { metric: "exactMatch" }, ...config }).success).toBe(false);
    },
  );
});
