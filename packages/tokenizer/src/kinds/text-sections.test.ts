import { describe, expect, test } from "vitest";
import { sectionsOf } from "./text-sections.js";

const mask = (
  id: number,
  content: string,
  lstrip = false,
  rstrip = false,
): Parameters<typeof sectionsOf>[0][number] => ({
  id,
  content,
  lstrip,
  rstrip,
});

describe(sectionsOf, () => {
  test("splits a text at its tokens, and returns their ids", () => {
    const cut = sectionsOf([mask(7, "<mask>"), mask(8, "<mask_1>")]);
    expect(cut("a <mask> b<mask_1>")).toEqual(["a ", 7, " b", 8]);
    expect(cut("<mask><mask>")).toEqual([7, 7]);
    expect(cut("<mas <mask")).toEqual(["<mas <mask"]);
    expect(cut("")).toEqual([]);
  });

  test("white space next to a token belongs to it if the token says so", () => {
    expect(sectionsOf([mask(7, "<m>", true)])("a  <m>  b")).toEqual(["a", 7, "  b"]);
    expect(sectionsOf([mask(7, "<m>", true, true)])(" <m> <m>\n b")).toEqual([7, 7, "b"]);
  });

  test("the longest of the tokens that start at the same place wins", () => {
    expect(sectionsOf([mask(1, "<a"), mask(2, "<a>")])("<a><ab")).toEqual([2, 1, "b"]);
  });
});
