import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig, startServer, type RunningServer } from "@slm/serve";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { METRICS, tinyRecipe } from "@slm/pipeline/testing/tiny-run";

/** A model that can pronounce words. */
const MODEL = fileURLToPath(new URL("../../../../configs/quickstart/teacher", import.meta.url));
const KEY = "served-teacher-key-1234567";
const WORDS = ["hello", "paper", "lesson", "button", "winter", "summer"];

/** Rows that contain every phoneme of the words' pronunciations. */
const ROWS = [
  ["the", "DH AH"],
  ["low", "L OW"],
  ["help", "HH EH L P"],
  ["paint", "P EY N T"],
  ["sir", "S ER"],
  ["bun", "B AH N"],
  ["wit", "W IH T"],
  ["mum", "M AH M"],
  ["paths", "S S"],
];

const root = temporaryFolder();
let server: RunningServer;
let model = "";
const at = (...names: string[]): string => join(root, ...names);

beforeAll(async () => {
  const { exitCode, stderr } = await runCommand("export", [MODEL, "-o", at("exported"), "--json"]);
  if (exitCode !== 0) throw new Error(stderr);
  server = await startServer({
    config: serveConfig.parse({ port: 0 }),
    bundle: at("exported"),
    openEngine: () => createCpuRuntime({ threads: 1 }),
    apiKeys: [KEY],
  });
  const listed = await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${KEY}` } });
  model = ((await listed.json()) as { data: { id: string }[] }).data[0]!.id;
  const lines = (rows: readonly (readonly string[])[]): string =>
    rows.map(([source, target]) => `${JSON.stringify({ source, target })}\n`).join("");
  for (const split of ["train", "dev", "test"])
    await writeFile(
      at(`${split}.jsonl`),
      lines(split === "train" ? ROWS : [[split === "dev" ? "hub" : "tub", "B AH"]]),
    );
  await writeFile(at("words.txt"), `${WORDS.join("\n")}\n`);
});
afterAll(async () => {
  await server.stop();
});

async function writeRecipe(name: string, sections: object): Promise<string> {
  const { data, distill } = tinyRecipe(root);
  const student = { ...(distill as { student: object }).student, maxSource: 16, maxTarget: 16 };
  const recipe = {
    metrics: METRICS,
    data: { ...data, unlabelled: { path: at("words.txt") } },
    tokenizer: {},
    distill: { ...distill, student, targets: { unlabelledFraction: 0.5 } },
    ...sections,
  };
  await writeFile(at(name), JSON.stringify(recipe));
  return at(name);
}

/** The student learns from labels only. */
const LABELS_ALONE = ["--set", "distill.loss.forwardKl=0", "--set", "distill.loss.crossEntropy=1"];

const served = (changes: object = {}): object => ({
  kind: "api",
  baseUrl: `${server.url}/v1`,
  model,
  apiKeyEnv: "SLM_TEST_SERVED_KEY",
  ...changes,
});

async function rowsOf(directory: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(directory, "cache", "teacher-labelled.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function answersOfServer(): Promise<string[]> {
  const response = await fetch(`${server.url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ source: WORDS }),
  });
  return ((await response.json()) as { results: { text: string }[] }).results.map(({ text }) => text);
}

describe("a teacher served by slm serve", () => {
  test("labels sources, from which a student learns", async () => {
    vi.stubEnv("SLM_TEST_SERVED_KEY", KEY);
    vi.stubEnv("XDG_CACHE_HOME", at("user-cache"));
    const recipe = await writeRecipe("api.yaml", {
      teacher: served(),
      cache: { distributions: "none", unlabelled: { minScore: "none" } },
    });
    const run = await runCommand("distill", [recipe, "--out", at("api"), "--json", ...LABELS_ALONE]);
    expect([run.exitCode, run.exitCode === 0 ? run.stderr : JSON.stringify(run.json)]).toMatchObject([
      0,
      expect.stringMatching(/estimate: 6 requests, about \d+ input/u),
    ]);
    const rows = await rowsOf(at("api"));
    expect(rows.map(({ source, target }) => [source, target])).toEqual(
      (await answersOfServer()).map((target, place) => [WORDS[place], target]),
    );
    const target = "HH EH L OW";
    expect(rows[0]).toMatchObject({ source: "hello", target, labeller: model });
    const file = await readFile(at("api", "teacher", "api.json"), "utf8");
    expect(file).toContain("SLM_TEST_SERVED_KEY");
    expect(file).not.toContain(KEY);
  });

  test("is estimated in advance, and reuses paid answers without the server", async () => {
    vi.stubEnv("XDG_CACHE_HOME", at("user-cache"));
    vi.stubEnv("SLM_TEST_SERVED_KEY", "another-key-of-no-server");
    const recipe = await writeRecipe("again.yaml", {
      teacher: served({ concurrency: 2 }),
      cache: { distributions: "none", unlabelled: { minScore: "none" } },
    });
    const argv = [recipe, "--out", at("again"), "--json"];
    const first = await runCommand("teacher:cache", argv);
    // The server would reject any request with this key.
    expect([first.exitCode, first.json]).toMatchObject([0, expect.anything()]);
    const plan = await runCommand("teacher:cache", [
      ...argv,
      "--dry-run",
      "--set",
      "cache.unlabelled.minScore=-5",
    ]);
    const { stages } = (plan.json as { result: { stages: Record<string, unknown>[] } }).result;
    expect(stages.find(({ name }) => name === "cache")).toMatchObject({
      status: "would-run",
      estimate: { requests: 6, tokens: expect.any(Number) as unknown },
    });
  });

  test("is rejected if distributions are requested", async () => {
    vi.stubEnv("SLM_TEST_SERVED_KEY", KEY);
    const recipe = await writeRecipe("bad.yaml", { teacher: served(), cache: {} });
    const { exitCode, json } = await runCommand("teacher:cache", [recipe, "--out", at("bad"), "--json"]);
    const message = expect.stringContaining("no distributions to store") as string;
    expect([exitCode, json]).toMatchObject([78, { error: { code: "CONFIG_INVALID", message } }]);
  });
});

describe("a program as the teacher", () => {
  test("labels sources, and a student learns from labels only", async () => {
    const program = `
      require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
        const { source } = JSON.parse(line);
        console.log(JSON.stringify({ target: source === "paper" ? null : "P EY" }));
      });`;
    await writeFile(at("program.cjs"), program);
    const recipe = await writeRecipe("command.yaml", {
      teacher: {
        kind: "command",
        command: [process.execPath, at("program.cjs")],
        files: ["program.cjs"],
      },
      cache: { distributions: "none", unlabelled: { minScore: "none" } },
    });
    const argv = [recipe, "--out", at("command"), "--json"];
    const learned = await runCommand("distill", [...argv, ...LABELS_ALONE]);
    expect([learned.exitCode, learned.stderr]).toMatchObject([0, expect.anything()]);
    expect((await rowsOf(at("command"))).map(({ source }) => source)).toEqual(
      WORDS.filter((word) => word !== "paper"),
    );

    // Settings that need a model's logits are a clear error.
    const kl = await runCommand("distill", argv);
    expect([kl.exitCode, kl.json]).toMatchObject([
      78,
      { error: { message: expect.stringMatching(/does not provide distributions/u) as unknown } },
    ]);

    // After a change of the program, it labels again.
    await writeFile(at("program.cjs"), program.replace("P EY", "B AH"));
    await runCommand("teacher:cache", [recipe, "--out", at("command"), "--resume", "--json"]);
    expect((await rowsOf(at("command"))).map(({ target }) => target)).toContain("B AH");
  });
});
