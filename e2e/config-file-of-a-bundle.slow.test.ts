/** `slm.config.ts` is code, so slm never runs the one in a bundle, whoever made the bundle. */
import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { writeTinyBundle } from "../packages/deploy/src/bundle/tiny-bundle.test-support.js";
import { bin } from "./slm-process.js";

const root = temporaryFolder();
let bundle = "";
let mark = "";
let config = "";
beforeAll(async () => {
  bundle = await writeTinyBundle(join(root, "bundle"));
  mark = join(root, "it-ran");
  config = join(bundle, "slm.config.ts");
  await writeFile(
    config,
    `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(mark)}, ""); export default [];`,
  );
});

const slm = async (cwd: string, ...argv: readonly string[]): Promise<string> =>
  (await execa(process.execPath, [bin, ...argv], { cwd, reject: false })).stderr;

test("of a bundle does not run when a command is given the bundle, or is started in it", async () => {
  for (const argv of [
    ["verify", bundle],
    ["info", bundle],
    ["generate", bundle, "a"],
    ["report", root],
  ])
    await slm(root, ...argv);
  expect(await slm(bundle, "verify", ".")).toContain("slm.config.ts is not loaded");
  expect(existsSync(mark)).toBe(false);
});

test("of the directory where the user starts a command runs", async () => {
  await mkdir(join(root, "own"));
  await cp(config, join(root, "own", "slm.config.ts"));
  await slm(join(root, "own"), "verify", bundle);
  expect(existsSync(mark)).toBe(true);
});
