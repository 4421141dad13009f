import { appendFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { GPU_CANDIDATES, NPU_CANDIDATES } from "@slm/runtime-node";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { commands } from "../commands.js";
import { providerFindings } from "@slm/slm/devices/doctor";
import { runCommand } from "../testing/run-command.js";

const root = temporaryFolder({ each: true });
beforeEach(async () => {
  const rows = ["ab\tX Y", "abc\tX Y Z", "b\tY", "cab\tZ X Y"].map((line) => {
    const [source, target] = line.split("\t");
    return JSON.stringify({ source, target });
  });
  await writeFile(join(root, "rows.jsonl"), `${rows.join("\n")}\nnot json\n`);
  const files = {
    train: join(root, "rows.jsonl"),
    dev: join(root, "dev.jsonl"),
    test: join(root, "test.jsonl"),
  };
  await writeFile(files.dev, '{"source":"ba","target":"Y X"}\n');
  await writeFile(files.test, '{"source":"ca","target":"Z X"}\n');
  await writeFile(join(root, "r.yaml"), JSON.stringify({ data: files, tokenizer: {} }));
});

const at = (name: string): string => join(root, name);
const inRun = (...argv: readonly string[]): readonly string[] => [at("r.yaml"), "--out", at("run"), ...argv];

const envelope = z.object({ result: z.record(z.string(), z.unknown()) });
const resultOf = (json: unknown): Readonly<Record<string, unknown>> => envelope.parse(json).result;

describe("slm run", () => {
  test("--dry-run and --print-config touch nothing", async () => {
    const before = await readdir(root);
    const plan = await runCommand("run", inRun("--dry-run", "--json"));
    expect(resultOf(plan.json)).toMatchObject({
      stages: [{ name: "data", status: "would-run" }, { name: "tokenizer" }],
    });
    const config = await runCommand("run", inRun("--print-config", "--set", "data.limit=2"));
    expect(config.stdout).toContain("limit: 2 # flag");
    expect(await readdir(root)).toEqual(before);
  });

  test("accepts --set before the recipe, several times", async () => {
    const argv = ["--set", "data.limit=2", "--set", "seed=4", at("r.yaml"), "--print-config", "--json"];
    const { json } = await runCommand("run", argv);
    expect(resultOf(json)).toMatchObject({
      config: { seed: 4, sections: { data: { settings: { limit: 2 } } } },
    });
  });

  test("rejects a recipe without a stage", async () => {
    await writeFile(at("empty.yaml"), "seed: 3\n");
    const { json, exitCode } = await runCommand("run", [at("empty.yaml"), "--json"]);
    expect(exitCode).toBe(78);
    expect(json).toMatchObject({ error: { code: "CONFIG_INVALID" } });
  });
});

describe("slm data and slm tokenizer", () => {
  test("inspect counts rows and names every rejected line", async () => {
    const { json } = await runCommand("data:inspect", [at("rows.jsonl"), "--json"]);
    expect(resultOf(json)).toMatchObject({ rows: 4, rejected: [{ line: 5 }] });
    expect((await runCommand("data:inspect", [at("rows.jsonl")])).stdout).toContain("line 5: ");
  });

  test("inspect reads other formats like a recipe does, and shows lengths, samples and token counts", async () => {
    await writeFile(at("rows.csv"), 'id,text,label\n1,"ab, c",X\n2,cab,Y X\n3,,Z\n');
    const argv = [at("rows.csv"), "--set", "data.fields={source: text, target: label}"];
    const { json } = await runCommand("data:inspect", [...argv, "--json"]);
    expect(resultOf(json)).toMatchObject({
      rows: 2,
      rejected: [{ line: 4, reason: "source: expected text, got an empty string" }],
      samples: [{ source: "ab, c", target: "X" }, { source: "cab" }],
      sourceHistogram: expect.arrayContaining([{ from: 3, to: 3, count: 1 }]) as unknown,
    });
    await runCommand("tokenizer:train", inRun());
    const { stdout } = await runCommand("data:inspect", [...argv, "--tokenizer", at("run/tokenizer")]);
    expect(stdout).toContain("covered     1 (50.00 %)");
    expect(stdout).toContain("source tokens 3.0 on average");
    expect(stdout).toMatch(/^ {2}3 {2}1 {2}#+$/mu);
  });

  test("inspect lists the existing columns if one is missing, and rejects settings that do not describe files", async () => {
    await writeFile(at("rows.csv"), "id,text\n1,a\n");
    const { json, exitCode } = await runCommand("data:inspect", [at("rows.csv"), "--json"]);
    expect(exitCode).toBe(78);
    expect(json).toMatchObject({
      error: {
        code: "CONFIG_INVALID",
        message: expect.stringContaining("its columns are id, text") as string,
      },
    });
    const limited = await runCommand("data:inspect", [at("rows.csv"), "--set", "data.limit=3", "--json"]);
    expect(limited.exitCode).toBe(78);
    const elsewhere = await runCommand("data:inspect", [at("rows.csv"), "--set", "distill.steps=3"]);
    expect(elsewhere.exitCode).toBe(2);
  });

  test("--set data.train and data.dev replace a recipe's source; the stage runs again after a file changes", async () => {
    await writeFile(at("source.yaml"), "data: { source: { module: ./dataset.ts } }\ntokenizer: {}\n");
    await writeFile(at("a.tsv"), "source\ttarget\none\tun\ntwo\tdeux\n");
    const sets = [`data.train=${at("a.tsv")}`, `data.dev=[${at("dev.jsonl")}]`];
    const argv = [at("source.yaml"), "--out", at("set"), "--json", ...sets.flatMap((set) => ["--set", set])];
    await runCommand("run", [...argv, "--set", "data.testFraction=0"]);
    const { json } = await runCommand("data:prepare", [...argv, "--set", "data.testFraction=0"]);
    expect(resultOf(json)).toMatchObject({ status: "skipped", splits: { train: 2, dev: 1, test: 0 } });
    await writeFile(at("a.tsv"), "source\ttarget\none\tun\ntwo\ttrois\n");
    const again = await runCommand("data:prepare", [...argv, "--set", "data.testFraction=0"]);
    expect(resultOf(again.json)).toMatchObject({ status: "ran" });
  });

  test("prepare reports rows and rejected lines, the same when it is skipped", async () => {
    const first = resultOf((await runCommand("data:prepare", inRun("--json"))).json);
    expect(first).toMatchObject({ status: "ran", rows: 6, artifact: at("run/data") });
    expect(first.rejected).toHaveLength(1);
    const second = resultOf((await runCommand("data:prepare", inRun("--json"))).json);
    expect(second).toMatchObject({ status: "skipped", rows: 6, rejected: first.rejected });
    expect(await readdir(at("run"))).toEqual(["data"]);
  });

  test("train prepares the data first, and --force repeats only the tokenizer", async () => {
    const { json } = await runCommand("tokenizer:train", inRun("--json"));
    expect(resultOf(json)).toMatchObject({
      rows: 4,
      vocab: 4 + 3 + 3,
      rejected: [],
      artifact: at("run/tokenizer"),
    });
    const forced = await runCommand("tokenizer:train", inRun("--force"));
    expect(forced.stderr).toContain("data  up to date");
    expect(forced.stdout.trimEnd().split("\n").at(-1)).toBe(at("run/tokenizer"));
  });
});

describe("slm verify", () => {
  test("passes an unchanged artifact, and fails one with a changed byte with exit code 3; both have the result", async () => {
    await runCommand("data:prepare", inRun());
    const good = await runCommand("verify", [at("run/data"), "--json"]);
    expect([good.exitCode, resultOf(good.json).pass]).toEqual([0, true]);
    await appendFile(at("run/data/train.jsonl"), "x");
    const bad = await runCommand("verify", [at("run/data"), "--json"]);
    expect(bad.exitCode).toBe(3);
    expect(bad.json).toMatchObject({
      result: { pass: false, bundle: at("run/data") },
      error: { code: "GATE_FAILED" },
    });
    expect((await runCommand("verify", [at("run/data")])).exitCode).toBe(3);
  });
});

describe("slm doctor", () => {
  test("reports the machine, engines and providers with reasons", async () => {
    const report = resultOf((await runCommand("doctor", ["--json"])).json);
    expect(report).toMatchObject({
      node: process.version,
      engines: [{ name: "onnx" }, { name: "js" }, { name: "tensorflow" }],
    });
    const providers = z.array(z.object({ device: z.string(), reason: z.string() })).parse(report.providers);
    expect(providers.map(({ device }) => device)).toEqual(
      expect.arrayContaining(["cpu", "gpu:cuda", "gpu:webgpu", "npu:qnn", "npu:openvino", "npu:vitisai"]),
    );
    expect(providers.map(({ reason }) => reason)).not.toContain("");
    expect(report.cores).toBeGreaterThan(0);
    expect(report.memoryBytes).toBeGreaterThan(0);
  });

  test("reports a device as available if it computed, gives reasons for the others, and lists unknown ones", async () => {
    const tried = ["gpu:cuda", "gpu:webgpu", "npu:qnn"];
    const candidates = [...GPU_CANDIDATES, ...NPU_CANDIDATES].filter(({ device }) => tried.includes(device));
    const listed = ["cpu", "webgpu", "cuda", "novel"].map((name) => ({ name, bundled: true }));
    const findings = await providerFindings(listed, candidates, ({ device }) =>
      Promise.resolve(
        device === "gpu:webgpu"
          ? { available: true, reason: "computed a product" }
          : { available: false, reason: "no driver" },
      ),
    );
    expect(findings.map(({ device, available }) => [device, available])).toEqual([
      ["cpu", true],
      ["gpu:cuda", false],
      ["gpu:webgpu", true],
      ["npu:qnn", false],
      ["none", false],
    ]);
    expect(findings.map(({ reason }) => reason)).not.toContain("");
    expect(await providerFindings([], [], () => Promise.reject(new Error("nothing to try")))).toEqual([]);
  });
});

describe("help", () => {
  test("every command has a summary, and an example that uses it", () => {
    for (const [id, command] of Object.entries(commands)) {
      expect(command.summary, id).toMatch(/\.$/);
      expect(JSON.stringify(command.examples), id).toContain(`<%= config.bin %> ${id.replaceAll(":", " ")}`);
    }
  });
});
