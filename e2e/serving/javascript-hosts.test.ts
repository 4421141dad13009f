/** The package of `slm deploy --to npm` in JavaScript hosts: each one gives the answers of `slm generate`. */
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, expect, test } from "vitest";
import { answersTogether, bundle } from "./command-line.js";
import { HOSTS } from "./hosts/host-table.js";
import { installPackage } from "./hosts/installed-package.js";

const WORDS = ["abc", "deb", "decade", "bead", "added"];

const folder = temporaryFolder();
let expected: readonly string[];
beforeAll(async () => {
  await installPackage(bundle, folder);
  expected = await answersTogether(WORDS);
});

test.each(Object.entries(HOSTS))("%s answers as slm does", async (_, answersIn) => {
  expect(await answersIn(folder, WORDS)).toEqual(expected);
});
