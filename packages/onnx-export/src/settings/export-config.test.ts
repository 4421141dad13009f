import { ALL_DEVICES } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { chosenExport, exportConfig } from "./export-config.js";

describe("the export section of a recipe", () => {
  test("takes every device of the table", () => {
    for (const { target, profile } of ALL_DEVICES)
      expect(chosenExport({ target, profile })).toMatchObject({ target, profile, precision: "float32" });
  });

  test.each([
    ["onnxruntime", "profile 'onnxruntime' is now called 'cpu'"],
    ["browser", "profile 'browser' is now called 'webgpu'"],
    ["voodoo", "unknown profile 'voodoo', expected cpu, cuda, "],
  ])("rejects profile %s, naming those of now", (profile, message) => {
    const { error } = exportConfig.safeParse({ profile });
    expect(error?.issues).toMatchObject([
      { path: ["profile"], message: expect.stringContaining(message) as string },
    ]);
  });
});
