import { hostname } from "node:os";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { writeArtifact } from "@slm/core";
import { describe, expect, test } from "vitest";
import { listRuns } from "./list-runs.js";


const root = temporaryFolder();

const KINDS = { data: "data", distill: "checkpoint", quantize: "quantized", deploy: "bundle" } as const;

async function writeStage(run: string, stage: keyof typeof KINDS, details: object): Promise<void> {
  await writeArtifact(
    {
      directory: join(root, run, stage),
      kind: KINDS[stage],
      key: "0".repeat(64),
      inputs: [],
      settings: {},
      origins: {},
      seed: 1,
    },
    async (work) => {
      await writeFile(join(work, "file"), "12345");
      return { ...details };
    },
  );
}

describe(listRuns, () => {
  test("lists the status, stages, last model's metrics and size of each run", async () => {
    await writeStage("a", "data", { rows: 3 });
    await writeStage("a", "distill", { metrics: { exactMatch: 0.5 } });
    await writeStage("a", "quantize", {
      n: 3,
      scheme: "cpu",
      models: [
        { name: "float32", metrics: { exactMatch: 0.6 } },
        { name: "cpu", metrics: { exactMatch: 0.7 } },
      ],
    });
    await writeStage("a", "deploy", {});
    await writeStage("nested/b", "data", {});
    await mkdir(join(root, "nested/b/distill.partial"));
    await writeStage("nested/c", "data", {});
    await mkdir(join(root, "nested/c/distill.partial"));
    const holder = { pid: process.pid, host: hostname(), since: "now" };
    await writeFile(join(root, "nested/c/distill.lock.json"), JSON.stringify(holder));
    await mkdir(join(root, "no-run/deep/er/still"), { recursive: true });
    const runs = await listRuns(root);
    expect(Object.fromEntries(runs.map((run) => [run.name, run]))).toMatchObject({
      a: {
        status: "finished",
        stages: ["data", "distill", "quantize", "deploy"],
        unfinished: null,
        metrics: { exactMatch: 0.7 },
        bytes: 5,
      },
      "nested/b": {
        status: "interrupted",
        stages: ["data"],
        unfinished: "distill",
        metrics: {},
        bytes: null,
      },
      "nested/c": { status: "running", unfinished: "distill" },
    });
    expect(runs).toHaveLength(3);
  });

  test("treats the lock of a process that ended as an interruption", async () => {
    // No process has the largest number that a system can assign.
    const holder = { pid: 2 ** 22, host: hostname(), since: "now" };
    await writeFile(join(root, "nested/c/distill.lock.json"), JSON.stringify(holder));
    const runs = await listRuns(join(root, "nested"));
    expect(runs.find(({ name }) => name === "c")?.status).toBe("interrupted");
  });

  test("rejects a folder that does not exist", async () => {
    await expect(listRuns(join(root, "nowhere"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
