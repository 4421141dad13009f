import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { fetchDatasetFile } from "./dataset-file.js";
import { REPO, startFakeHub, type FakeFile } from "./testing/fake-hub.test-support.js";

const isRows = (path: string): boolean => path.endsWith(".csv");
const file = (text: string): FakeFile => ({ content: Buffer.from(text) });

test("fetches the one file of training rows through the cache of data sets", async () => {
  const hub = await startFakeHub({
    "README.md": file("#"),
    "data/train.csv": file("a,b\n"),
    "data/test.csv": file("a,b\n"),
  });
  const found = await fetchDatasetFile(`hub:${REPO}`, isRows);
  expect(found).toMatchObject({ name: "data/train.csv", repo: REPO });
  expect(found.path).toContain(`${hub.cache}/datasets--acme--tiny/snapshots/`);
  expect(await readFile(found.path, "utf8")).toBe("a,b\n");
  expect(hub.requests.some((request) => request.includes(`/datasets/${REPO}/resolve/`))).toBe(true);
});

test("lists the files to choose from if there are several, and uses the file that is named", async () => {
  await startFakeHub({ "train-de.csv": file("a,b\n"), "train-fr.csv": file("c,d\n") });
  await expect(fetchDatasetFile(`hub:${REPO}`, isRows)).rejects.toMatchObject({
    code: "USAGE",
    suggestions: [`--data hub:${REPO}/train-de.csv`, `--data hub:${REPO}/train-fr.csv`],
  });
  const found = await fetchDatasetFile(`hub:${REPO}/train-fr.csv`, isRows);
  expect(await readFile(found.path, "utf8")).toBe("c,d\n");
});

test("rejects a name that is none, and a data set without rows", async () => {
  await startFakeHub({ "README.md": file("#") });
  await expect(fetchDatasetFile("hub:tiny", isRows)).rejects.toMatchObject({ code: "USAGE" });
  await expect(fetchDatasetFile(`hub:${REPO}`, isRows)).rejects.toThrow("has no such file of rows");
});
