/** The package of `slm deploy --to npm` in JavaScript hosts: each one gives the answers of `slm generate`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answersTogether, bundle } from "./command-line.js";
import { HOSTS } from "./hosts/host-table.js";
import { installPackage } from "./hosts/installed-package.js";

const WORDS = ["abc", "deb", "decade", "bead", "added"];

let folder: string;
let expected: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slm-hosts-"));
  await installPackage(bundle, folder);
  expected = await answersTogether(WORDS);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(Object.entries(HOSTS))("%s answers as slm does", async (_, answersIn) => {
  expect(await answersIn(folder, WORDS)).toEqual(expected);
});
