import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { METRIC_NAMES } from "@slm/metrics";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { EvalCommand } from "./eval.js";
import { familyReference } from "../testing/external-encoder-decoder.js";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const A_NUMBER: unknown = expect.any(Number);

const root = temporaryFolder();
let out = "";
beforeAll(async () => {
  out = join(root, "run");
  const recipe = await writeTinyRecipe(root);
  const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
  if (exitCode !== 0) throw new Error(stderr);
});

const at = (...parts: readonly string[]): string => join(root, ...parts);
const rows = (): string => at("test.jsonl");
const resultOf = ({ json }: CommandOutcome): Readonly<Record<string, unknown>> =>
  z.object({ result: z.record(z.string(), z.unknown()) }).parse(json).result;
const suggestionsOf = ({ json }: CommandOutcome): readonly string[] =>
  z.object({ error: z.object({ suggestions: z.array(z.string()) }) }).parse(json).error.suggestions;
/** The last line of text mode: the path of the artifact. */
const lastLine = ({ stdout }: CommandOutcome): string | undefined => stdout.trimEnd().split("\n").at(-1);

describe("MODEL", () => {
  test.each(["distill", "export", "quantize", "deploy"])(
    "%s answers a prompt: only the text on stdout, figures with --json",
    async (stage) => {
      const argv = [join(out, stage), "--prompt", "abc", "--quiet"];
      const text = await runCommand("generate", argv);
      const { json } = await runCommand("generate", [...argv, "--json"]);
      const result = resultOf({ ...text, json });
      expect(text.exitCode).toBe(0);
      expect(text.stdout).toBe(`${String(result.text)}\n`);
      expect(result).toMatchObject({
        prompt: "abc",
        tokens: A_NUMBER,
        firstTokenMs: A_NUMBER,
        tokensPerSecond: A_NUMBER,
      });
    },
  );

  test("removes the temporary export of a checkpoint", async () => {
    // Its own directory, because other tests export to the shared one at the same time.
    const scratch = at("scratch");
    await mkdir(scratch);
    vi.stubEnv("TMPDIR", scratch);
    await runCommand("generate", [join(out, "distill"), "--prompt", "abc", "--quiet"]);
    await runCommand("generate", [join(out, "distill"), "--prompt", "a?c", "--quiet"]);
    expect(await readdir(scratch)).toEqual([]);
  });

  test("that is not a model is rejected, with the models in its subdirectories", async () => {
    const outcome = await runCommand("generate", [out, "--prompt", "abc", "--json"]);
    expect([outcome.exitCode, outcome.json]).toMatchObject([66, { error: { code: "INPUT_MISSING" } }]);
    expect(suggestionsOf(outcome)).toContain(`use ${join(out, "deploy")}`);
    expect(
      (await runCommand("eval", [at("nowhere"), "--data", rows(), "--metrics", "exactMatch"])).exitCode,
    ).toBe(66);
  });
});

describe("slm generate", () => {
  test("streams the same text that it prints without --stream", async () => {
    const argv = [join(out, "deploy"), "--prompt", "abc", "--prompt", "de", "--quiet"];
    const atOnce = await runCommand("generate", argv);
    expect((await runCommand("generate", [...argv, "--stream"])).stdout).toBe(atOnce.stdout);
    expect(atOnce.stdout.split("\n")).toHaveLength(3);
    const { json } = await runCommand("generate", [...argv, "--stream", "--json"]);
    expect(
      z.object({ result: z.object({ generations: z.array(z.unknown()).length(2) }) }).parse(json),
    ).toBeTruthy();
  });

  test("samples reproducibly, ends before a stop text, and says why an answer ended", async () => {
    const argv = [join(out, "deploy"), "--prompt", "abc", "--json"];
    const sample = ["--temperature", "5", "--min-p", "0.01", "--max-tokens", "4"];
    const one = resultOf(await runCommand("generate", [...argv, ...sample, "--seed", "3"]));
    expect(resultOf(await runCommand("generate", [...argv, ...sample, "--seed", "3"])).text).toBe(one.text);
    const two = ["--temperature", "5", "--max-tokens", "2"];
    const long = resultOf(await runCommand("generate", [...argv, ...two]));
    const stop = String(long.text).slice(0, 1);
    const stopped = resultOf(await runCommand("generate", [...argv, ...two, "--stop", stop]));
    expect(stopped).toMatchObject({ text: "", reason: "stop", finished: false });
    expect((await runCommand("generate", [...argv, "--top-p", "0.5"])).exitCode).toBe(2);
    expect((await runCommand("generate", [...argv, "--temperature", "hot"])).exitCode).toBe(2);
  });
});

describe("slm eval", () => {
  test("reports metrics and writes one prediction per row", async () => {
    const predictions = at("predictions.jsonl");
    const argv = [join(out, "export"), "--data", rows(), "--metrics", "wer,exactMatch", "-o", predictions];
    const { metrics, ...rest } = resultOf(await runCommand("eval", [...argv, "--json"]));
    expect(rest).toMatchObject({ n: 3, predictions });
    expect(Object.keys(Object(metrics) as object)).toEqual(["wer", "exactMatch"]);
    expect((await readFile(predictions, "utf8")).trimEnd().split("\n")).toHaveLength(3);
    const text = await runCommand("eval", [...argv, "--limit", "2"]);
    expect(text.stdout).toMatch(/^2 rows/);
    expect(lastLine(text)).toBe(predictions);
  });

  test("answers by beam search like slm generate, if requested", async () => {
    const predictions = at("beams.jsonl");
    const argv = [join(out, "export"), "--data", rows(), "--metrics", "exactMatch"];
    await runCommand("eval", [...argv, "--beams", "3", "-o", predictions]);
    const lines = (await readFile(predictions, "utf8")).trimEnd().split("\n");
    for (const line of lines) {
      const { source, prediction } = JSON.parse(line) as { source: string; prediction: string };
      const asked = [join(out, "export"), "--prompt", source, "--beams", "3", "--json"];
      expect(resultOf(await runCommand("generate", asked)).text).toBe(prediction);
    }
    expect(lines).toHaveLength(3);
  });

  test("shows values in each metric's unit, and the likelihood that perplexity is computed from", async () => {
    const argv = [join(out, "export"), "--data", rows(), "-o", at("units.jsonl")];
    const text = await runCommand("eval", [...argv, "--metrics", "wer,bleu,perplexity"]);
    expect(text.stdout).toMatch(/^wer {9}\S+ % \(\S+ to \S+ %\)$/m);
    expect(text.stdout).toMatch(/^bleu {8}[\d.]+ \([\d.]+ to [\d.]+\)$/m);
    expect(text.stdout).toMatch(/^perplexity {2}[\d.]+$/m);
    // Three words of three letters, and their ends.
    expect(text.stdout).toMatch(/^[\d.]+ nats per token over 12 tokens of first references$/m);
  });

  test("suggests the nearest metric, and lists all metrics in its help", async () => {
    const argv = [join(out, "export"), "--data", rows(), "--json"];
    const misspelt = await runCommand("eval", [...argv, "--metrics", "wer,rougeLsun"]);
    expect(misspelt.exitCode).toBe(2);
    expect(suggestionsOf(misspelt)).toEqual(["--metrics wer,rougeLsum"]);
    const help = (await EvalCommand.helpSection()).join("\n");
    for (const name of [...METRIC_NAMES, "perplexity"]) expect(help).toContain(`  ${name} [`);
  });

  test("requires --metrics, because every task has its own metric", async () => {
    const { exitCode, json } = await runCommand("eval", [join(out, "export"), "--data", rows(), "--json"]);
    expect([exitCode, JSON.stringify(json)]).toEqual([2, expect.stringContaining("metrics")]);
  });
});

describe("slm export, slm quantize, slm deploy", () => {
  test("quantize measures its gate on --data, or on --calibration", async () => {
    const argv = [join(out, "export"), "--scheme", "int8-dynamic", "--gate", "per:1000", "--json"];
    for (const flag of ["--data", "--calibration"]) {
      const outcome = await runCommand("quantize", [...argv, flag, rows(), "-o", at("gated")]);
      expect(resultOf(outcome).gate).toMatchObject({ metric: "per", pass: true });
    }
    expect((await runCommand("quantize", argv)).exitCode).toBe(2);
    const unknown = argv.map((word) => word.replace("per:1000", "blue:1"));
    expect((await runCommand("quantize", [...unknown, "--data", rows()])).exitCode).toBe(2);
  });
});

describe("slm model check", () => {
  test("passes a model that agrees with its own library, and rejects a missing directory", async () => {
    const argv = ["--reference", familyReference("t5"), "--json"];
    expect(await runCommand("model:check", argv)).toMatchObject({
      exitCode: 0,
      json: { result: { pass: true } },
    });
    const { exitCode } = await runCommand("model:check", ["--reference", at("nowhere"), "--json"]);
    expect(exitCode).toBe(66);
    expect((await runCommand("model:check", ["--json"])).exitCode).toBe(2);
  });
});

describe("slm bench", () => {
  test("rejects metrics that it cannot measure", async () => {
    expect((await runCommand("bench", ["--json"])).exitCode).toBe(2);
    expect((await runCommand("bench", [at("nowhere"), "--json"])).exitCode).toBe(66);
    const both = [join(out, "export"), "--data", rows(), "--prompt", "abc", "--json"];
    expect((await runCommand("bench", both)).exitCode).toBe(2);
  });
});
