import { describe, expect, test } from "vitest";
import { isLicence } from "./licences.js";
import { parseMetadata } from "./package-facts.js";

describe(parseMetadata, () => {
  test("reads the fields before the first empty line, without the spaces around them", () => {
    const text =
      "Metadata-Version: 2.1\r\nname: \t x \r\nVersion: 1.0\nLicense: MIT\r\n\r\nLicense-Expression: no\n";
    expect(parseMetadata(text)).toEqual({ name: "x", version: "1.0", licence: "MIT" });
    expect(parseMetadata("License: a\nLicense-Expression: b").licence).toBe("b");
    expect(parseMetadata("")).toEqual({ name: null, version: null, licence: null });
  });

  // A backtracking expression would take hours on this text.
  test("takes no longer for many spaces", () => {
    const spaces = " ".repeat(2_000_000);
    expect(parseMetadata(`Name: a${spaces}b\nVersion:${spaces}1`)).toEqual({
      name: `a${spaces}b`,
      version: "1",
      licence: null,
    });
  });
});

describe(isLicence, () => {
  test("knows the names of known packages", () => {
    for (const name of [
      "LICENSE",
      "a/Qualcomm_LICENSE.pdf",
      "ThirdPartyNotices.txt",
      "TRTRTX_Acknowledgements.txt",
    ])
      expect([name, isLicence(name)]).toEqual([name, true]);
    for (const name of ["license.dll", "licensed", "readme.txt"])
      expect([name, isLicence(name)]).toEqual([name, false]);
  });

  // A backtracking expression would take years on this name.
  test("takes no longer for a name of many underscores", () => {
    expect(isLicence(`license${"_a".repeat(100)}!`)).toBe(false);
  });
});
