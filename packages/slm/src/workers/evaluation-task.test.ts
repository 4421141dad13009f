import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, SharedFiles } from "@slm/extension-workers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readChunk, requestOf, sendChunk } from "./evaluation-task.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-chunk-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test.each([
  [undefined],
  [{ languages: { target: "fra_Latn" } }],
  [{ strategy: { kind: "beam", beams: 2, lengthPenalty: 1 }, languages: { source: "de", target: "fr" } }],
] as const)("a worker answers a chunk with the requested options: %o", async (options) => {
  const files = new SharedFiles(await openStore(root), "run");
  const rows = [{ source: "a", references: ["b", "c"] }];
  const asked = { metrics: ["exactMatch"], batchSize: 3, options } as const;
  const task = await sendChunk(files, { number: 0, rows }, requestOf(asked));
  const read = await readChunk(files, task);
  expect(read).toEqual({ rows, request: { ...asked, options: options ?? {} } });
});

test("options that cannot be sent are rejected", () => {
  expect(() => requestOf({ metrics: ["exactMatch"], batchSize: 1, options: { seed: 2 } })).toThrow(
    expect.objectContaining({ code: "UNEXPECTED" }),
  );
});
