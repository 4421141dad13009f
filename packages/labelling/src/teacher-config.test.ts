import { describe, expect, test } from "vitest";
import { teacherConfig } from "./teacher-config.js";

describe("the teacher of a recipe", () => {
  test.each([
    [{ kind: "embedded" }, "configs/quickstart/teacher"],
    [{ kind: "embedded", name: "g2p" }, "configs/quickstart/teacher"],
    [
      { kind: "ensemble", members: [{ kind: "embedded", name: "g2p-reader-third" }] },
      "configs/g2p/teachers/third",
    ],
    [{ kind: "embedded", name: "mine" }, "its checkpoint"],
  ])("%j is a checkpoint on disk now, and the error says which", (config, path) => {
    expect(() => teacherConfig.parse(config)).toThrow(
      "expected a checkpoint on disk, got 'embedded': write { kind: checkpoint, path: PATH }, with the path from the " +
        `recipe's folder to ${path}`,
    );
  });

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
