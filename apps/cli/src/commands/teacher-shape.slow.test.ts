/** Students with their teacher's shape: from a published model with two RoPE bases and post-norms to a checkpoint. */
import { readCheckpoint, readModelConfig } from "@slm/checkpoints";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { writeExternalModel } from "../testing/external-model.js";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";

const root = temporaryFolder();
beforeAll(async () => {
  await writeExternalModel(join(root, "gemma3"), "gemma3");
  const splits = {
    train: ["AB", "BA", "CAB", "DE", "EDA", "ABC", "BED", "ACE"],
    dev: ["CAD", "DAB", "EB"],
    test: ["ADE", "BC"],
  };
  for (const [split, sources] of Object.entries(splits)) {
    const rows = sources.map((source) => JSON.stringify({ source, target: Array.from(source).join(" ") }));
    await writeFile(join(root, `${split}.jsonl`), rows.map((row) => `${row}\n`).join(""));
  }
});

type Section = Readonly<Record<string, unknown>>;

async function run(
  command: "run" | "distill",
  teacher: Section,
  student: Section,
  ...flags: string[]
): Promise<CommandOutcome> {
  const model = join(root, "gemma3");
  const sections = {
    data: Object.fromEntries(["train", "dev", "test"].map((split) => [split, join(root, `${split}.jsonl`)])),
    metrics: ["cer"],
    tokenizer: { kind: "pretrained", model, prune: {} },
    teacher: { kind: "import", model, vocabulary: "run", maxSource: 8, maxTarget: 8, ...teacher },
    distill: {
      student: {
        shape: "teacher",
        encoderLayers: 2,
        decoderLayers: 1,
        maxSource: 4,
        maxTarget: 4,
        ...student,
      },
      initialize: { fromTeacher: "layers", warmupSteps: 1 },
      loss: { forwardKl: 0, crossEntropy: 1 },
      steps: 2,
      batchSize: 4,
      warmupSteps: 1,
      buckets: 1,
      evaluateRows: 2,
    },
  };
  const recipe = join(root, "r.yaml");
  await writeFile(recipe, JSON.stringify(sections)); // JSON is YAML.
  return runCommand(command, [recipe, "--out", join(root, "run"), "--threads", "1", "--json", ...flags]);
}

describe("a student with the shape of a published teacher", () => {
  test("is estimated before the teacher is imported, and starts from its layers and a part of its tokens", async () => {
    const planned = await run("distill", {}, {}, "--dry-run");
    expect(planned.exitCode).toBe(0);
    const { exitCode, json } = await run("distill", {}, {});
    expect(exitCode, JSON.stringify(json)).toBe(0);
    const teacher = await readModelConfig(join(root, "run", "teacher"));
    const { config } = await readCheckpoint(join(root, "run", "distill"));
    const { width, heads, headDim, vocabularySize, activation } = teacher;
    expect(config).toMatchObject({ width, heads, headDim, vocabularySize, activation });
    expect(config).toMatchObject({
      encoderLayers: 2,
      decoderLayers: 1,
      qkNorm: true,
      crossQkNorm: true,
      postNorm: true,
    });
    const distilled = JSON.stringify(json);
    expect(distilled).toContain("teacherLayers");
    // The estimate had the student's real size.
    expect(JSON.stringify(planned.json)).toContain('"parameters":');
  });

  test("is rejected for settings that its teacher does not allow", async () => {
    const wide = await run("distill", {}, { width: 4096 });
    expect([wide.exitCode, wide.json]).toMatchObject([
      78,
      { error: { message: expect.stringContaining("above the teacher's") as string } },
    ]);
  });
});
