import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PartRows, ProbedStatistic } from "@slm/quantization";
import { openStore, SharedFiles } from "@slm/extension-workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readRows, readStatistics, sendRows, sendStatistics, type RowsRequest } from "./calibration-task.js";

let root = "";
let files: SharedFiles;
let job: RowsRequest;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-calibration-task-"));
  await mkdir(join(root, "shared"));
  files = new SharedFiles(await openStore(join(root, "shared")), "calibrate-0123456789abcdef");
  const file: RowsRequest["copies"]["file"] = async (ref) => {
    const path = join(root, ref.sha256);
    await files.getFile(ref, path);
    return path;
  };
  job = { files, copies: { file } };
});
afterEach(() => rm(root, { recursive: true }));

describe(sendRows, () => {
  test("rows of runs arrive as they were sent, with the numbers of their images", async () => {
    const image = Float32Array.of(0.1, -2, 3.5, 4).subarray(1);
    const rows: PartRows = {
      kind: "pairs",
      graph: "decoder",
      bucket: 1,
      runs: [
        [
          { source: [1, 2], target: [], patches: image },
          { source: [3, 4], target: [], patches: Float32Array.of(7) },
        ],
        [{ source: [5], target: [6] }],
      ],
    };
    expect(await readRows(job, await sendRows(files, rows))).toEqual(rows);
  });

  test("files of model inputs arrive with their bytes", async () => {
    const path = join(root, "feeds.safetensors");
    await writeFile(path, "bytes");
    const rows = await readRows(job, await sendRows(files, { kind: "files", paths: [path] }));
    expect(rows).toEqual({ kind: "files", paths: [expect.stringMatching(/[0-9a-f]{64}$/u)] });
  });

  test("other data than rows is rejected", async () => {
    for (const text of ["{}", "not JSON", '{"kind":"pairs","graph":"decoder","runs":[[]]}'])
      await expect(readRows(job, await files.putBytes(Buffer.from(text)))).rejects.toMatchObject({
        code: "DATA_INVALID",
      });
  });
});

test("statistics arrive with the names of their outputs", async () => {
  const statistics: readonly ProbedStatistic[] = [
    { kind: "range", value: "x", outputs: ["low", "high"] },
    { kind: "gram", value: "y", outputs: ["products"], width: 4 },
  ];
  expect(await readStatistics(files, await sendStatistics(files, statistics))).toEqual(statistics);
});
