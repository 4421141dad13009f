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

  test("draws metrics together only where one way is better for all", () => {
    const chart = (key: string): string => describeQuantity(key).chart;
    expect(chart("dev.wer")).toBe(chart("dev.per"));
    expect(chart("dev.wer")).not.toBe(chart("dev.exactMatch"));
    expect(chart("dev.novel")).not.toBe(chart("dev.other"));
  });

  test("knows terms in nats, and draws a term of unknown unit on its own axis", () => {
    expect(describeQuantity("forwardKl").chart).toBe(describeQuantity("loss").chart);
    expect(describeQuantity("hiddenMatch")).toMatchObject({
      group: "loss",
      label: "hidden match",
      unit: "",
      chart: "Loss term: hidden match",
    });
  });

  test("calls no term of the loss better or worse by itself", () => {
    expect(["loss", "forwardKl", "novelTerm"].map((key) => describeQuantity(key).higherIsBetter)).toEqual([
      false,
      undefined,
      undefined,
    ]);
  });

  test("shows shares of targets in percent", () => {
    expect(describeQuantity("targets.student")).toMatchObject({
      label: "student",
      unit: "%",
      group: "targets",
    });
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
