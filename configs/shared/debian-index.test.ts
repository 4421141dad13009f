import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import {
  debianPackages,
  descriptionOf,
  firstSentences,
  onePackagePerSource,
  sentencesOf,
  translatedDescriptions,
} from "./debian-index.js";
import { writeDebianIndex } from "./testing/debian-folder.js";

describe(descriptionOf, () => {
  test("joins the lines of a paragraph and skips lists", () => {
    const field =
      "small  editor\nIt edits text,\nand no more.\n.\nFeatures:\n * colours\n * tabs\n.\nIt is fast.";
    expect(descriptionOf(field)).toEqual({
      synopsis: "small editor",
      paragraphs: ["It edits text, and no more.", "It is fast."],
    });
  });
});

describe(sentencesOf, () => {
  test("splits only before a capital, so that version numbers and abbreviations stay intact", () => {
    expect(sentencesOf("It needs X 1.2 or later, e.g. from backports. See also! Élan is next.")).toEqual([
      "It needs X 1.2 or later, e.g. from backports.",
      "See also!",
      "Élan is next.",
    ]);
  });
});

describe(firstSentences, () => {
  test("adds whole sentences while they fit", () => {
    const paragraphs = ["One two. Three.", "Four five six."];
    expect(firstSentences(paragraphs, 15)).toBe("One two. Three.");
    expect(firstSentences(paragraphs, 30)).toBe("One two. Three. Four five six.");
    expect(firstSentences(paragraphs, 7)).toBe("");
  });
});

describe("an index", () => {
  const folder = temporaryFolder();
  beforeAll(async () => {
    await writeDebianIndex(
      folder,
      [
        { name: "edit", section: "editors", synopsis: "small editor", lines: ["It edits."] },
        { name: "libedit", source: "edit (1-2)", section: "libs", synopsis: "its library", lines: [] },
        { name: "edit-doc", source: "edit", section: "doc", synopsis: "its manual", lines: [] },
        {
          name: "zebra",
          section: "games",
          synopsis: "striped game",
          lines: ["Play."],
          translations: { cs: ["pruhovaná hra", "Hrajte."] },
        },
      ],
      ["en", "cs"],
    );
  });

  test("lists every package with its source and its English description", async () => {
    const packages = [];
    for await (const entry of debianPackages(folder)) packages.push(entry);
    expect(packages.map(({ name, source, section }) => [name, source, section])).toEqual([
      ["edit", "edit", "editors"],
      ["libedit", "edit", "libs"],
      ["edit-doc", "edit", "doc"],
      ["zebra", "zebra", "games"],
    ]);
    expect(packages[0]).toMatchObject({ synopsis: "small editor", paragraphs: ["It edits."] });
  });

  test("has one accepted package per source", async () => {
    const chosen = await onePackagePerSource(
      folder,
      ({ section }) => section !== "doc" && section !== "libs",
    );
    expect(chosen.map(({ name }) => name)).toEqual(["edit", "zebra"]);
  });

  test("has translations of some packages", async () => {
    const czech = [];
    for await (const description of translatedDescriptions(folder, "cs")) czech.push(description);
    expect(czech).toEqual([{ synopsis: "pruhovaná hra", paragraphs: ["Hrajte."] }]);
  });
});
