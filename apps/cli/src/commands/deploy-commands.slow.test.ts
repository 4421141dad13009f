import { generateKeyPairSync } from "node:crypto";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRecipe } from "@slm/pipeline/recipe/recipe-file";
import { runCommand } from "../testing/run-command.js";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder();
let bundle: string;

beforeAll(async () => {
  const recipe = await writeTinyRecipe(root);
  const out = join(root, "run");
  expect((await runCommand("run", [recipe, "--out", out, "--quiet", "--threads", "1"])).exitCode).toBe(0);
  bundle = join(out, "deploy");
});

describe("slm deploy", () => {
  test("packs a bundle into the same bytes every time, and every command reads the file", async () => {
    const [first, second] = [join(root, "a.slm"), join(root, "b.slm")];
    for (const file of [first, second])
      expect((await runCommand("deploy", [bundle, "-o", file])).exitCode).toBe(0);
    expect(await readFile(first)).toEqual(await readFile(second));
    const [fromFile, fromDirectory] = [
      await runCommand("generate", [first, "--prompt", "abc", "--threads", "1"]),
      await runCommand("generate", [bundle, "--prompt", "abc", "--threads", "1"]),
    ];
    expect(fromFile.stdout).toBe(fromDirectory.stdout);
    expect((await runCommand("verify", [first])).exitCode).toBe(0);
  });

  test("keeps the card of a bundle, and signs its output", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    await writeFile(join(root, "key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    await writeFile(join(root, "key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
    const output = join(root, "signed");
    await runCommand("deploy", [bundle, "-o", output, "--sign", join(root, "key.pem")]);
    expect(await readFile(join(output, "README.md"))).toEqual(await readFile(join(bundle, "README.md")));
    const good = await runCommand("verify", [output, "--key", join(root, "key.pub.pem"), "--json"]);
    expect(good).toMatchObject({ exitCode: 0, json: { result: { pass: true } } });
    const unsigned = await runCommand("verify", [bundle, "--key", join(root, "key.pub.pem"), "--json"]);
    expect(unsigned).toMatchObject({ exitCode: 3, json: { error: { code: "GATE_FAILED" } } });
  });

  test("eval measures a bundle by the metrics of its run", async () => {
    const predictions = join(root, "predictions.jsonl");
    const argv = [bundle, "--data", join(root, "test.jsonl"), "-o", predictions, "--json"];
    const { json } = await runCommand("eval", argv);
    const number = expect.any(Number) as number;
    expect(json).toMatchObject({ result: { metrics: { per: number, wer: number } } });
  });

  test("a scheme of a run keeps the run's name and figures", async () => {
    const output = join(root, "later");
    await runCommand("deploy", [join(root, "run", "quantize", "int8"), "-o", output]);
    const card = await readFile(join(output, "README.md"), "utf8");
    expect(card).toMatch(/^# Tiny\n/);
    expect(card).toContain("| per |");
    expect(card).not.toContain("Quality was not measured");
  });

  test("the card of a model that single commands made says that quality was not measured", async () => {
    const [checkpoint, exported, quantized] = ["distill", "export", "quantize"].map((name) =>
      join(root, "single", name),
    ) as [string, string, string];
    await cp(join(root, "run", "distill"), checkpoint, { recursive: true });
    await runCommand("export", [checkpoint, "--target", "cpu", "-o", exported]);
    await runCommand("quantize", [exported, "--scheme", "int8-dynamic", "-o", quantized]);
    const output = join(root, "single", "bundle");
    expect((await runCommand("deploy", [quantized, "-o", output])).exitCode).toBe(0);
    expect(await readFile(join(output, "README.md"), "utf8")).toContain("Quality was not measured");
  });

  test("lists the files for a web page, npm, a server and a hub, and says what to run next", async () => {
    const site = await runCommand("deploy", [bundle, "--to", "web", "-o", join(root, "a site")]);
    expect(site.stdout).toMatch(/^ +index\.html$/m);
    expect(site.stderr).toContain(`next: npx serve '${join(root, "a site")}'`);
    const file = join(root, "tiny.tgz");
    const packed = await runCommand("deploy", [bundle, "--to", "npm", "--name", "@me/tiny", "-o", file]);
    expect(packed.stderr).toContain(`next: npm install ${file}`);
    await runCommand("deploy", [bundle, "--to", "server", "-o", join(root, "server")]);
    expect(await readdir(join(root, "server"))).toContain("Dockerfile");
    const dryHub = ["--to", "hub", "--repo", "me/tiny", "--dry-run", "-o", join(root, "hub")];
    expect((await runCommand("deploy", [bundle, ...dryHub])).exitCode).toBe(0);
  });

  test.each([
    [["--to", "oci"], "--reference"],
    [["--to", "oci", "--reference", "nonsense"], "rejected"],
    [["--to", "hub"], "--repo"],
    [["--to", "device"], "--device"],
  ])("%j lacks a flag that its target needs: exit 2", async (argv, message) => {
    const { exitCode, stderr } = await runCommand("deploy", [bundle, ...argv, "-o", join(root, "none")]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("slm gate", () => {
  test("reports the result of the recipe's own gate, with or without limits", async () => {
    const run = join(root, "run");
    const { exitCode, json } = await runCommand("gate", [run, "--json"]);
    // After two steps the model is useless, so the recipe's gate allows any loss.
    const number = expect.any(Number) as number;
    const gate = { metric: "per", pass: false, after: number, noBetterThan: number };
    expect([exitCode, json]).toMatchObject([3, { result: { checks: [], gate, pass: false } }]);
    expect((await runCommand("gate", [run])).stdout).toMatch(
      /^FAIL {2}per .* %, no better than always giving the most frequent answer \(.* %\)$/m,
    );
    expect((await runCommand("gate", [root])).exitCode).toBe(2);
  });

  test("compares limits with the figures that the run measured", async () => {
    const run = join(root, "run");
    const passed = await runCommand("gate", [run, "--limit", "bytes<=1e9", "--json"]);
    expect(passed.json).toMatchObject({ result: { checks: [{ limit: "bytes<=1e9", pass: true }] } });
    const failed = await runCommand("gate", [run, "--limit", "bytes<=1", "--limit", "nothing>=1", "--json"]);
    expect(failed).toMatchObject({
      exitCode: 3,
      json: { error: { code: "GATE_FAILED" }, result: { pass: false } },
    });
    expect((await runCommand("gate", [run, "--limit", "bytes=1"])).exitCode).toBe(2);
  });

  test("appends a Markdown summary to a file, also if a limit is violated", async () => {
    const run = join(root, "run");
    const file = join(root, "summary.md");
    await writeFile(file, "before\n");
    const argv = [run, "--limit", "bytes<=1", "--summary", file, "--base", run];
    expect((await runCommand("gate", argv)).exitCode).toBe(3);
    const summary = await readFile(file, "utf8");
    expect(summary).toMatch(/^before\n## .*run: failed$/m);
    expect(summary).toMatch(/^\| size of the bundle \| .* \| .* \| none \|$/m);
    const unwritable = ["--summary", join(root, "nowhere", "summary.md")];
    expect((await runCommand("gate", [run, ...unwritable])).exitCode).toBe(74);
  });
});

describe("slm init", () => {
  test("writes a recipe that a run accepts, and never replaces a file", async () => {
    const file = join(root, "new.yaml");
    const argv = ["--yes", "--name", "new", "--data", join(root, "train.jsonl"), "-o", file];
    expect((await runCommand("init", argv)).exitCode).toBe(0);
    expect(parseRecipe(await readFile(file, "utf8"), file).value).toMatchObject({
      name: "new",
      deploy: { name: "new" },
    });
    expect((await runCommand("run", [file, "--dry-run", "--json"])).exitCode).toBe(0);
    expect((await runCommand("init", argv)).exitCode).toBe(74);
    expect((await runCommand("init", ["--yes", "--data", "a.jsonl", "--name", "../x"])).exitCode).toBe(2);
  });

  test("needs --data, and says so if it is missing", async () => {
    expect(await runCommand("init", ["--yes", "--name", "new", "--json"])).toMatchObject({
      exitCode: 2,
      json: { error: { code: "USAGE", message: "init: --data: expected a file of training rows, got none" } },
    });
  });

  test("writes the path of the data relative to the recipe's folder", async () => {
    await mkdir(join(root, "below"));
    const file = join(root, "below", "new.yaml");
    const data = relative(process.cwd(), join(root, "train.jsonl"));
    expect((await runCommand("init", ["--yes", "--data", data, "-o", file])).exitCode).toBe(0);
    expect(parseRecipe(await readFile(file, "utf8"), file).value).toMatchObject({
      data: { train: "../train.jsonl" },
    });
    expect((await runCommand("data:prepare", [file, "-o", join(root, "below-run")])).exitCode).toBe(0);
  });
});

describe("--events", () => {
  test("turns progress into JSON lines on stderr, and leaves stdout as it is", async () => {
    const argv = [join(root, "r.yaml"), "--out", join(root, "run"), "--threads", "1"];
    const { stdout, stderr } = await runCommand("run", [...argv, "--events"]);
    const events = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string; stage?: string });
    expect(events.filter(({ event }) => event === "stage-started").map(({ stage }) => stage)).toContain(
      "distill",
    );
    expect(stdout.trim().split("\n").at(-1)).toBe(bundle);
  });
});
