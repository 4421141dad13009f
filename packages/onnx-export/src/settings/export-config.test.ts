import { ALL_DEVICES } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { chosenExport, exportConfig } from "./export-config.js";

describe("the export section of a recipe", () => {
  test("takes every device of the table", () => {
    for (const { target, profile } of ALL_DEVICES)
      expect(chosenExport({ target, profile })).toMatchObject({ target, profile, precision: "float32" });
  });

  test("rejects an unknown profile, naming the known ones", () => {
    const { error } = exportConfig.safeParse({ profile: "voodoo" });
    const message = "unknown profile 'voodoo', expected cpu, cuda, ";
    expect(error?.issues).toMatchObject([
      { path: ["profile"], message: expect.stringContaining(message) as string },
    ]);
  });
});
