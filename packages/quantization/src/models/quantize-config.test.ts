import { describe, expect, test } from "vitest";
import { quantizeConfig } from "./quantize-config.js";

describe("quantizeConfig", () => {
  test("chooses the scheme later by default, and allows a loss of one point", () => {
    expect(quantizeConfig.parse({ gate: { metric: "exactMatch" } })).toEqual({
      gate: { metric: "exactMatch", maxDrop: 0.01 },
    });
  });

  test.each([{}, { gate: {} }, { gate: { maxDrop: 0 } }])("asks which metric decides: %j", (config) => {
    expect(() => quantizeConfig.parse(config)).toThrow("expected at least one metric");
  });

  test.each([{ schemes: [] }, { schemes: ["cpu", "cpu"] }, { embedding: "int2-block" }])(
    "rejects %j",
    (config) => {
      expect(quantizeConfig.safeParse({ gate: { metric: "exactMatch" }, ...config }).success).toBe(false);
    },
  );
});
