import { METRIC_NAMES, METRICS } from "@slm/metrics";
import { describe, expect, test } from "vitest";
import { describeQuantity, formatQuantity, titleOf } from "./quantities.js";

describe(describeQuantity, () => {
  test("reads every metric with its own unit and direction, fractions in percent", () => {
    for (const name of METRIC_NAMES) {
      const { unit, scale, higherIsBetter, group } = describeQuantity(`dev.${name}`);
      expect([group, higherIsBetter]).toEqual(["dev", METRICS[name].higherIsBetter]);
      expect([unit, scale]).toEqual(METRICS[name].unit === "fraction" ? ["%", 100] : [METRICS[name].unit, 1]);
    }
  });
});

describe(formatQuantity, () => {
  test.each([
    ["dev.wer", 0.37654, "37.65", "word error rate [%]"],
    ["learningRate", 0.00006, "6.00e-5", "learning rate"],
    ["loss", 0.0648, "0.06480", "loss [nats per token]"],
    ["loss", 0, "0", "loss [nats per token]"],
    ["tokensPerSecond", 16718.6, "16,719", "throughput [tokens/s]"],
    ["tokensPerSecond", 5e12, "5.00e+12", "throughput [tokens/s]"],
  ])("writes %s %d as %s", (key, value, text, title) => {
    const quantity = describeQuantity(key);
    expect([formatQuantity(quantity, value), titleOf(quantity)]).toEqual([text, title]);
  });
});
