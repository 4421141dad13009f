import { describe, expect, test } from "vitest";
import { authoredPath, copyMetrics } from "./recipe-metrics.js";

const copied = (recipe: Readonly<Record<string, unknown>>): unknown =>
  copyMetrics(recipe, () => "r.yaml:1:1");
const metrics = ["exactMatch", "cer"];

describe(copyMetrics, () => {
  test("gives the metrics to the sections that measure, and the first to the gate", () => {
    const recipe = { metrics, data: {}, distill: { steps: 3 }, quantize: {}, "compile@npu": {} };
    expect(copied(recipe)).toEqual({
      metrics,
      data: {},
      distill: { steps: 3, metrics },
      quantize: { metrics, gate: { metric: "exactMatch" } },
      "compile@npu": { metrics },
    });
  });

  test("includes members of an ensemble and adapters, but not teachers that are not trained", () => {
    const members = [
      { kind: "train" },
      { kind: "checkpoint", path: "x" },
      { kind: "import", finetune: { steps: 3 } },
    ];
    expect(copied({ metrics, teacher: { kind: "ensemble", members } })).toEqual({
      metrics,
      teacher: {
        kind: "ensemble",
        members: [
          { kind: "train", metrics },
          { kind: "checkpoint", path: "x" },
          { kind: "import", finetune: { steps: 3, metrics } },
        ],
      },
    });
  });

  test.each([
    ["distill.metrics", { distill: { metrics } }],
    ["teacher.members[0].finetune.metrics", { teacher: { members: [{ finetune: { metrics } }] } }],
    ["quantize@npu.gate.metric", { "quantize@npu": { gate: { metric: "cer" } } }],
  ])("rejects %s", (path, sections) => {
    expect(() => copied({ metrics, ...sections })).toThrow(`r.yaml:1:1: ${path}: unknown key`);
  });

  test("leaves settings of labellers alone", () => {
    const teacher = { kind: "custom", settings: { metrics: 3, gate: { metric: 4 } } };
    expect(copied({ metrics, teacher })).toEqual({ metrics, teacher });
  });
});

test("an error in a copy names the setting of the recipe", () => {
  expect(authoredPath(["distill", "metrics", 0])).toEqual(["metrics", 0]);
  expect(authoredPath(["quantize@npu", "gate", "metric"])).toEqual(["metrics"]);
  expect(authoredPath(["distill", "steps"])).toEqual(["distill", "steps"]);
});
