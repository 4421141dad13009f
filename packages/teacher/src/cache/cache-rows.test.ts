import { readdir, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import { CACHE_ROWS, cacheRowKinds } from "./cache-rows.js";

const directory = temporaryFolder({ each: true });

/** Files in a directory that this process has open. */
async function openBelow(folder: string): Promise<readonly string[]> {
  const links = await readdir("/proc/self/fd");
  const paths = await Promise.all(links.map((link) => readlink(join("/proc/self/fd", link)).catch(() => "")));
  return paths.filter((path) => path.startsWith(folder));
}

test.runIf(process.platform === "linux")("a file of which only the first row is read is closed", async () => {
  const row = JSON.stringify({ source: "a", target: "b", score: -0.1, labeller: "teacher" });
  // Longer than one read.
  await writeFile(join(directory, CACHE_ROWS.labelled), `${row}\n`.repeat(40_000));
  expect(await cacheRowKinds(directory)).toEqual(new Set(["labelled"]));
  await expect.poll(() => openBelow(directory)).toEqual([]);
});
