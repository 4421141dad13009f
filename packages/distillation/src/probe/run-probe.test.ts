import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import type { Progress } from "@slm/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TinyRun } from "../test-support/run.test-support.js";
import { PROBE_FILE, probeResultSchema } from "./probe-file.js";

let run: TinyRun;
beforeEach(async () => {
  run = await TinyRun.create();
  for (const name of ["tokenizer.json", "tokenizer_config.json"])
    await copyFile(run.at("tokenizer", name), run.at("teacher", name));
});
afterEach(() => run.remove());

const probe = { steps: 2, rows: 4 };

/** Lines that a run tells, and optionally a stop at the first line that matches. */
function told(stopAt?: RegExp): {
  readonly lines: string[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
} {
  const controller = new AbortController();
  const lines: string[] = [];
  const progress: Progress = ({ message }) => {
    if (message === undefined) return;
    lines.push(message);
    if (stopAt?.test(message) === true) controller.abort();
  };
  return { lines, progress, signal: controller.signal };
}

describe("a probe", () => {
  test("measures the teacher and short trainings on the same dev rows, says what it found, and keeps the result", async () => {
    const { lines, ...context } = told();
    const report = await run.distill({ probe }, { context });
    const result = probeResultSchema.parse(JSON.parse(await readFile(run.at("work", PROBE_FILE), "utf8")));
    expect(result).toMatchObject({ metric: "wer", rows: 4, steps: 2 });
    expect(result.arms.map(({ name }) => name)).toEqual(["labels", "logits"]);
    expect(result.arms[0]).not.toHaveProperty("gain");
    expect(result.arms[1]!.gain!.low).toBeLessThanOrEqual(result.arms[1]!.gain!.high);
    expect(result.teacher!.value).toBeGreaterThan(0);
    expect(report.probe).toEqual(result);
    expect(lines.filter((line) => line.startsWith("probe: "))).toContainEqual(
      expect.stringMatching(/labels with the teacher's distributions +wer .* gain /u),
    );
    expect(await readdir(run.at("work"))).not.toContain("probe");
  });

  test("without a difference beyond the rows' own scatter the long training uses labels alone", async () => {
    await run.distill({ probe });
    const logged = (await run.log()).find((line) => "loss" in line)!;
    expect(logged).not.toHaveProperty("forwardKl");
    await run.distill({ probe: { ...probe, apply: false } }, { work: "other" });
    expect((await run.log("other")).find((line) => "loss" in line)).toHaveProperty("forwardKl");
  });

  test("tries teacher labels at several fractions only where they help, and all arms where there are unlabelled sources", async () => {
    await writeFile(run.at("data", "unlabelled.jsonl"), '{"source":"aab"}\n{"source":"abb"}\n');
    const { lines, ...context } = told();
    const report = await run.distill({ probe }, { context });
    expect(report.probe!.arms.map(({ name, fraction }) => [name, fraction])).toEqual([
      ["labels", 0],
      ["teacherLabels", 0.5],
      ["logits", 0],
      ["both", 0.5],
    ]);
    expect(lines).toContain("probe: both-0.5");
  });

  test("that is interrupted keeps its finished arms and ends with the same student as one that was left alone", async () => {
    await run.distill({ probe }, { work: "alone" });
    const { progress, signal } = told(/^probe: logits-0$/u);
    await expect(run.distill({ probe }, { context: { progress, signal } })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    const { lines, ...context } = told();
    await run.distill({ probe }, { context });
    expect(lines).not.toContain("probe: labels-0");
    expect(await readFile(run.at("work", "model.safetensors"))).toEqual(
      await readFile(run.at("alone", "model.safetensors")),
    );
  });

  test("of a teacher that is a program compares students alone, and does not ask it", async () => {
    await writeFile(run.at("data", "unlabelled.jsonl"), '{"source":"aab"}\n{"source":"abb"}\n');
    await mkdir(run.at("cache"));
    await writeFile(
      run.at("cache", "teacher-labelled.jsonl"),
      '{"source":"aab","target":"A A B"}\n{"source":"abb","target":"A B B"}\n',
    );
    await rm(run.at("teacher"), { recursive: true });
    await mkdir(run.at("teacher"));
    await writeFile(run.at("teacher", "command.json"), "{}");
    const labels = { loss: { forwardKl: 0, crossEntropy: 1 }, targets: { unlabelledFraction: 0.5 } };
    const { probe: result } = await run.distill({ ...labels, probe }, { cache: "cache" });
    expect(result!.arms.map(({ name }) => name)).toEqual(["labels", "teacherLabels"]);
    expect(result!.teacher).toBeUndefined();
  });

  test("has nothing to compare where neither loss nor targets use a teacher", async () => {
    const labels = { loss: { forwardKl: 0, crossEntropy: 1 } };
    await expect(run.distill({ ...labels, probe })).rejects.toThrow(/compares labels alone with a teacher/u);
  });
});
