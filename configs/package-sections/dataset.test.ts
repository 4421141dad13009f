import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows, type Row } from "@slm/data";
import { beforeAll, describe, expect, test } from "vitest";
import { writeDebianIndex, type IndexEntry } from "../shared/testing/debian-folder.js";
import { rowOf } from "./dataset.js";
import { CLASS_NAMES, classOf } from "./sections.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));

describe(classOf, () => {
  test("merges small sections with similar ones, and skips sections without a subject", () => {
    expect(["games", "zope", "shells", "doc", "misc", "constructor"].map(classOf)).toEqual([
      "games",
      "python",
      "utils",
      undefined,
      undefined,
      undefined,
    ]);
    expect(CLASS_NAMES).toHaveLength(34);
  });
});

describe(rowOf, () => {
  const entry = { name: "edit", source: "edit", section: "editors", synopsis: "small editor" };
  test("contains the synopsis and the sentences that fit, but never the name", () => {
    const paragraphs = ["It edits text. It is fast."];
    expect(rowOf({ ...entry, paragraphs }, 30)).toEqual({
      source: "small editor: It edits text.",
      target: "editors",
    });
    expect(rowOf({ ...entry, paragraphs }, 20)).toEqual({ source: "small editor", target: "editors" });
  });
});

describe("rows of an index", () => {
  const directory = temporaryFolder();
  const index = temporaryFolder();
  let rows: readonly Row[] = [];
  beforeAll(async () => {
    const game = (place: number): IndexEntry => ({
      name: `game-${place}`,
      section: "games",
      synopsis: `game number ${place}`,
      lines: ["Play it."],
    });
    const entries: readonly IndexEntry[] = [
      ...Array.from({ length: 9 }, (_, place) => game(place)),
      { name: "libgame", source: "game-1", section: "libs", synopsis: "library of a game", lines: [] },
      { name: "manual", section: "doc", synopsis: "a manual", lines: ["Read it."] },
      { name: "mailer", section: "mail", synopsis: "sends mail", lines: ["It sends."] },
    ];
    await writeDebianIndex(index, entries, ["en"]);
    const source = { module, files: index, perClass: 4 };
    await prepareData(dataConfig.parse({ source, testFraction: 0, devFraction: 0 }), directory);
    rows = await readAllRows(join(directory, "train.jsonl"));
  });

  test("have a limit per class, and no sections without a class", () => {
    const count = (name: string): number => rows.filter(({ target }) => target === name).length;
    expect([count("games"), count("mail"), count("doc")]).toEqual([4, 1, 0]);
  });

  test("have one package per source", () => {
    const about = rows.filter(({ source }) => /number 1\b|library of a game/.test(source));
    expect(about.length).toBeLessThanOrEqual(1);
  });
});
