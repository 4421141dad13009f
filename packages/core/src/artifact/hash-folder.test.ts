import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { hashFolder } from "./hash-folder.js";

const root = temporaryFolder();

test("hashFolder depends on the bytes and paths of files, not on their times", async () => {
  await mkdir(join(root, "a"));
  await writeFile(join(root, "a", "1.png"), "one");
  await writeFile(join(root, "2.png"), "two");
  const before = await hashFolder(root);
  await writeFile(join(root, "2.png"), "two");
  expect(await hashFolder(root)).toBe(before);
  await writeFile(join(root, "2.png"), "too");
  const changed = await hashFolder(root);
  await rename(join(root, "2.png"), join(root, "a", "2.png"));
  expect(new Set([before, changed, await hashFolder(root)]).size).toBe(3);
});
