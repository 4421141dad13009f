import { ALL_DEVICES } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { chosenExport, exportSection } from "./export-config.js";

describe("the export section of a recipe", () => {
  test("takes every device of the table", () => {
    for (const { target, profile } of ALL_DEVICES)
      expect(chosenExport({ target, profile })).toMatchObject({ target, profile, precision: "float32" });
  });

  test("rejects an unknown profile and lists the profiles", () => {
    const { error } = exportSection.safeParse({ profile: "voodoo" });
    const message = expect.stringContaining("unknown profile 'voodoo', expected cpu, cuda, ") as string;
    expect(error?.issues).toMatchObject([{ path: ["profile"], message }]);
  });
});
