import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { inspectData } from "@slm/data";
import { beforeAll, expect, test } from "vitest";
import { inspectionPage } from "./inspection-page.js";

/** One grey pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

const root = temporaryFolder();
beforeAll(async () => {
  await writeFile(join(root, "a.png"), PNG);
});

test("a page shows the numbers and the first rows with their images", async () => {
  const file = join(root, "rows.jsonl");
  const rows = [
    { source: "how <bright>?", target: "grey", image: "a.png", teacherSource: "grey. how <bright>?" },
    { source: "no image", target: "b" },
    { source: "lost", target: "c", image: "../a.png" },
  ];
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const html = await inspectionPage("rows", await inspectData(file), root);
  expect(html).toContain("images      1 of 1 rows");
  expect(html).toContain("rejected    1");
  expect(html.match(/<img src="data:image\/png;base64,/g)).toHaveLength(1);
  expect(html).toContain("how &lt;bright&gt;?");
  expect(html).toContain("teacherSource");
});

test("rows without images have no image column", async () => {
  const file = join(root, "text.jsonl");
  await writeFile(file, JSON.stringify({ source: "a", target: "b" }));
  const html = await inspectionPage("rows", await inspectData(file), root);
  expect(html).not.toContain("<img");
  expect(html).not.toContain("teacherSource");
});
