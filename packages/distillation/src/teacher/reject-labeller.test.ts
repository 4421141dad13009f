import { mkdir, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { TinyRun } from "../test-support/run.test-support.js";
import { rejectLabeller } from "./reject-labeller.js";

const run = new TinyRun();
beforeEach(async () => {
  await run.prepare();
  // A server's directory; its files are not read here.
  await writeFile(run.at("teacher/api.json"), "{}");
  await mkdir(run.at("labels"));
  const lines = ["bba", "abb"].map((source) => JSON.stringify({ source, target: "B", labeller: "m" }));
  await writeFile(run.at("labels/teacher-labelled.jsonl"), `${lines.join("\n")}\n`);
});

describe(rejectLabeller, () => {
  test.each([
    ["distributions", {}, /not provide distributions to compare with/u],
    [
      "scores of samples",
      { targets: { onPolicyFraction: 0.5 } },
      /not provide distributions over the student's samples/u,
    ],
  ])("rejects a run that needs %s", async (_, settings, message) => {
    const failure = run.distill(settings, { cache: "labels" });
    await expect(failure).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(failure).rejects.toThrow(message);
  });
});
