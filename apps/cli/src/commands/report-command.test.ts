import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { writeArtifact } from "@slm/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";

const root = temporaryFolder({ each: true });

const at = (...parts: readonly string[]): string => join(root, ...parts);
const log = (loss: number): string =>
  [
    { step: 20, loss: 4 },
    { step: 40, loss },
    { step: 40, "dev.wer": loss / 10 },
  ]
    .map((record) => `${JSON.stringify(record)}\n`)
    .join("");

/** A finished checkpoint with a log and a manifest. */
async function writeRun(directory: string, loss: number, settings: object): Promise<void> {
  const common = { kind: "checkpoint", key: "k", inputs: [], origins: {}, seed: 7 } as const;
  await writeArtifact({ ...common, directory, settings: { ...settings } }, async (work) => {
    await writeFile(join(work, "metrics.jsonl"), log(loss));
    return {};
  });
}

async function writeLog(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "metrics.jsonl"), `${log(2)}{"step":60,"lo`);
}

const report = (...argv: readonly string[]): ReturnType<typeof runCommand> =>
  runCommand("report", [...argv, "-o", at("out", "report.html"), "--quiet"]);
const page = (): Promise<string> => readFile(at("out", "report.html"), "utf8");
const resultOf = (json: unknown): Readonly<Record<string, unknown>> =>
  z.object({ result: z.record(z.string(), z.unknown()) }).parse(json).result;

describe("slm report", () => {
  test("shows one run with its settings and samples, and ends with the page's path", async () => {
    await writeRun(at("a", "distill"), 2, { learningRate: 0.003 });
    await writeFile(at("a", "distill", "samples.jsonl"), '{"source":"x","target":"X","prediction":"Y"}\n');
    const { stdout, exitCode } = await report(at("a"));
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("a  40 steps  loss 2 (best 2 at 40)  dev.wer 0.2 (best 0.2 at 40)");
    expect(lines.at(-1)).toBe(at("out", "report.html"));
    for (const text of [">learningRate<", ">seed<", "✗ wrong"]) expect(await page()).toContain(text);
  });

  test("compares runs, named by the shortest unique parts of their paths", async () => {
    await writeRun(at("a", "distill"), 2, { learningRate: 0.003 });
    await writeRun(at("b", "distill"), 3, { learningRate: 0.001 });
    const { json } = await report(at("a", "distill"), at("b", "distill"), "--json");
    expect(resultOf(json)).toEqual({
      report: at("out", "report.html"),
      runs: ["a", "b"].map((name) => ({
        name: `${name}/distill`,
        directory: at(name, "distill"),
        steps: 40,
        final: { loss: name === "a" ? 2 : 3, "dev.wer": name === "a" ? 0.2 : 0.3 },
        best: {
          loss: { value: name === "a" ? 2 : 3, step: 40 },
          "dev.wer": { value: name === "a" ? 0.2 : 0.3, step: 40 },
        },
      })),
    });
    expect(await page()).toContain(">learningRate</td>");
  });

  test("reads a run in progress, and prefers a finished one", async () => {
    await writeLog(at("a", "distill.partial"));
    const directoryOf = async (): Promise<unknown> =>
      z.object({ directory: z.string() }).parse(
        z
          .array(z.unknown())
          .parse(resultOf((await report(at("a"), "--json")).json).runs)
          .at(0),
      ).directory;
    expect(await directoryOf()).toBe(at("a", "distill.partial"));
    await writeLog(at("a", "distill"));
    expect(await directoryOf()).toBe(at("a", "distill"));
  });

  test("exits with 66 without a log, 65 for an invalid log, 2 for a repeated run", async () => {
    await mkdir(at("empty"));
    const missing = await report(at("empty"), "--json");
    expect(missing.exitCode).toBe(66);
    expect(missing.json).toMatchObject({ error: { code: "INPUT_MISSING" } });
    expect((await report(at("none"))).exitCode).toBe(66);
    await writeLog(at("a"));
    expect((await report(at("a"), `${at("a")}/.`)).exitCode).toBe(2);
    await writeFile(at("a", "metrics.jsonl"), "hello\n");
    expect((await report(at("a"))).exitCode).toBe(65);
    expect(await readdir(root)).not.toContain("out");
  });
});
