import { describe, expect, test } from "vitest";
import { teacherConfig } from "./teacher-config.js";

describe("the teacher of a recipe", () => {
  test("is of a kind that there is", () => {
    expect(() => teacherConfig.parse({ kind: "oracle" })).toThrow("Invalid");
    expect(teacherConfig.parse({ kind: "checkpoint", path: "./teacher" })).toEqual({
      kind: "checkpoint",
      path: "./teacher",
    });
  });

  test("is fine-tuned with adapters whose settings have the defaults of the docs, each by itself", () => {
    const teacher = { kind: "checkpoint", path: "./teacher" };
    const adaptersOf = (lora?: object): unknown =>
      teacherConfig.parse({ ...teacher, finetune: { steps: 1, metrics: ["exactMatch"], lora } });
    const targets = ["attention.query", "attention.value"];
    expect(adaptersOf()).toMatchObject({ finetune: { lora: { rank: 8, alpha: 16, targets } } });
    expect(adaptersOf({ rank: 16 })).toMatchObject({ finetune: { lora: { rank: 16, alpha: 16, targets } } });
  });

  test("that is trained says what is measured", () => {
    const { error } = teacherConfig.safeParse({ kind: "train", model: {}, steps: 1 });
    expect(error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)).toContainEqual(
      expect.stringContaining("metrics: expected at least one metric, such as [exactMatch], got none"),
    );
  });
});
