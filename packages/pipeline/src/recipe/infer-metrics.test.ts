import { describe, expect, test } from "vitest";
import { inferMetrics } from "./infer-metrics.js";

const student = { student: {} };

describe(inferMetrics, () => {
  test("takes the gate's metric where a recipe names no other", () => {
    const recipe = {
      teacher: { kind: "train" },
      distill: student,
      quantize: { gate: { metric: "slotF1", maxDrop: 1 } },
    };
    expect(inferMetrics(recipe)).toEqual({
      teacher: { kind: "train", metrics: ["slotF1"] },
      distill: { ...student, metrics: ["slotF1"] },
      quantize: { metrics: ["slotF1"], gate: { metric: "slotF1", maxDrop: 1 } },
    });
  });

  test("takes those of distill, the first of them for the gate", () => {
    const metrics = ["exactMatch", "cer"];
    const filled = { metrics, gate: { metric: "exactMatch" } };
    expect(inferMetrics({ distill: { metrics }, quantize: null })).toEqual({
      distill: { metrics },
      quantize: filled,
    });
    expect(inferMetrics({ teacher: { kind: "train", metrics }, distill: student })).toEqual({
      teacher: { kind: "train", metrics },
      distill: { ...student, metrics },
    });
  });

  test("changes nothing that is named", () => {
    const recipe = {
      teacher: { kind: "train", metrics: ["slotF1"] },
      distill: { metrics: ["exactMatch"] },
      quantize: { metrics: [], gate: { metric: "cer" } },
    };
    expect(inferMetrics(recipe)).toEqual(recipe);
  });

  test("reaches members of an ensemble and adapters; teachers that are not trained measure nothing", () => {
    const metrics = ["exactMatch"];
    const members = [
      { kind: "train" },
      { kind: "checkpoint", path: "x" },
      { kind: "import", finetune: { steps: 3 } },
    ];
    expect(inferMetrics({ teacher: { kind: "ensemble", members }, distill: { metrics } })).toEqual({
      teacher: {
        kind: "ensemble",
        members: [
          { kind: "train", metrics },
          { kind: "checkpoint", path: "x" },
          { kind: "import", finetune: { steps: 3, metrics } },
        ],
      },
      distill: { metrics },
    });
  });

  test.each([
    {},
    { distill: student },
    { distill: student, quantize: { gate: { maxDrop: 1 } } },
    { distill: 3 },
  ])("fills in nothing where nothing is named: %j", (recipe) => {
    expect(inferMetrics(recipe)).toEqual(recipe);
  });
});
