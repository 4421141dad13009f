import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows } from "@slm/data";
import { describe, expect, test } from "vitest";
import { writeDebianIndex } from "../shared/testing/debian-folder.js";
import { exampleOf } from "./dataset.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));
const index = temporaryFolder();
const output = temporaryFolder();
const LIMITS = { shortest: 20, longest: 60, longestTarget: 20 };

describe(exampleOf, () => {
  const paragraphs = [
    "A server for small sites. It speaks HTTP. It does much more than that, and all of it well.",
  ];
  test("has the first sentences that fit, and the synopsis", () => {
    expect(exampleOf({ name: "w", synopsis: "web server", paragraphs }, LIMITS)).toEqual({
      source: "A server for small sites. It speaks HTTP.",
      target: "web server",
    });
  });

  test.each([
    [
      { name: "w", synopsis: "web server", paragraphs: ["Serves."] },
      "w: its description is shorter than 20 characters",
    ],
    [
      { name: "w", synopsis: "web server for small sites", paragraphs },
      "w: its synopsis is longer than 20 characters",
    ],
  ])("rejects %j", (entry, reject) => {
    expect(exampleOf(entry, LIMITS)).toEqual({ reject });
  });
});

test("skips packages of headers, documentation and translations", async () => {
  const entries = ["utils", "doc", "libdevel", "games"].map((section) => ({
    name: `of-${section}`,
    section,
    synopsis: `synopsis of ${section}`,
    lines: [`The description of a package in the section ${section}.`],
  }));
  await writeDebianIndex(index, entries, ["en"]);
  const source = { module, files: index, ...LIMITS, longestTarget: 40 };
  await prepareData(dataConfig.parse({ source, testFraction: 0, devFraction: 0 }), output);
  const rows = await readAllRows(join(output, "train.jsonl"));
  expect(rows.map(({ target }) => target).sort()).toEqual(["synopsis of games", "synopsis of utils"]);
});
