import { describe, expect, test } from "vitest";
import { teacherConfig } from "./teacher-config.js";

describe("the teacher of a recipe", () => {
  test("has a known kind", () => {
    expect(() => teacherConfig.parse({ kind: "oracle" })).toThrow("Invalid");
    expect(teacherConfig.parse({ kind: "checkpoint", path: "./teacher" })).toEqual({
      kind: "checkpoint",
      path: "./teacher",
    });
  });

  test("is fine-tuned with adapters that have the documented defaults", () => {
    const teacher = { kind: "checkpoint", path: "./teacher" };
    const adaptersOf = (lora?: object): unknown =>
      teacherConfig.parse({ ...teacher, finetune: { steps: 1, metrics: ["exactMatch"], lora } });
    const targets = ["attention.query", "attention.value"];
    expect(adaptersOf()).toMatchObject({ finetune: { lora: { rank: 8, alpha: 16, targets } } });
    expect(adaptersOf({ rank: 16 })).toMatchObject({ finetune: { lora: { rank: 16, alpha: 16, targets } } });
  });

  test("needs metrics if it is trained", () => {
    const { error } = teacherConfig.safeParse({ kind: "train", model: {}, steps: 1 });
    expect(error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)).toContainEqual(
      expect.stringContaining("metrics: expected at least one metric, such as [exactMatch], got none"),
    );
  });
});
