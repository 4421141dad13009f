import { readManifest } from "@slm/core";
import { loadTokenizer } from "@slm/tokenizer";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe } from "@slm/pipeline/testing/tiny-run";

const ROOMS = ["kitchen", "bath room", "cellar", "attic"];
const METRICS = ["jsonExactMatch", "intentAccuracy", "slotF1"];

/** Requests and calls. The first room does not occur in the training rows. */
function rows(from: number, to: number): readonly { readonly source: string; readonly target: string }[] {
  return ROOMS.slice(from, to).flatMap((room) =>
    [10, 20, 30].map((level) => ({
      source: `Dim the ${room}  lights to ${level} %`,
      target: `{"name": "SetLight", "arguments": {"room": "${room}", "level": ${level}}}`,
    })),
  );
}

/** A section whose model reads and writes longer texts, . */
function withModel(section: object | undefined, key: "model" | "student"): object {
  const shape = z.looseObject({}).parse(z.looseObject({ [key]: z.unknown() }).parse(section)[key]);
  return { ...section, [key]: { ...shape, maxSource: 48, maxTarget: 48 } };
}

const root = temporaryFolder();
let out = "";
let recipe = "";
beforeAll(async () => {
  out = join(root, "run");
  const file = async (name: string, list: readonly object[]): Promise<string> => {
    await writeFile(join(root, name), list.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return join(root, name);
  };
  const { teacher, distill, quantize, deploy } = tinyRecipe(root);
  const sections = {
    metrics: METRICS,
    data: {
      train: await file("train.jsonl", rows(1, 4)),
      dev: await file("dev.jsonl", rows(0, 1)),
      testFraction: 0,
    },
    tokenizer: { kind: "bpe", vocabularySize: 300, spaces: "apart" },
    teacher: withModel(teacher, "model"),
    distill: withModel(distill, "student"),
    quantize: { ...quantize, gate: { maxDrop: 1 } },
    deploy,
  };
  recipe = join(root, "calls.yaml");
  await writeFile(recipe, JSON.stringify(sections));
  const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
  if (exitCode !== 0) throw new Error(stderr);
}, 180_000);

describe("a run on requests and JSON calls without a test file", () => {
  test("reads and writes calls exactly, with every artifact that contains the tokenizer", async () => {
    for (const stage of ["tokenizer", "teacher", "distill", "export", "deploy"]) {
      const tokenizer = await loadTokenizer(join(out, stage));
      expect(tokenizer.vocabularySize).toBe(300);
      for (const { source, target } of rows(0, 4)) {
        expect(tokenizer.decode(tokenizer.encodeSource(source))).toBe(source);
        expect(tokenizer.decode(tokenizer.encodeTarget(target))).toBe(target);
      }
    }
  });

  test("measures the recipe's metrics on the dev rows", async () => {
    const quantized = (await readManifest(join(out, "quantize"))).details;
    expect(quantized).toMatchObject({ n: 3, split: "dev", gate: { metric: "jsonExactMatch" } });
    const teacher = (await readManifest(join(out, "teacher"))).details;
    expect(Object.keys(Object(teacher.metrics) as object).sort()).toEqual([...METRICS].sort());
    expect(await readFile(join(out, "deploy", "README.md"), "utf8")).toContain("| slotF1 | dev split | 3 |");
  });

  test("generates only answers that a JSON Schema allows: greedily, by sampling and with beams", async () => {
    const properties = { name: { const: "SetLight" }, room: { enum: ROOMS } };
    const schema = { type: "object", properties, required: ["name", "room"], additionalProperties: false };
    const file = join(root, "schema.json");
    await writeFile(file, JSON.stringify(schema));
    const argv = [join(out, "deploy"), "-p", "Dim the attic", "--json-schema", file, "--json"];
    const result = z.object({ result: z.object({ text: z.string(), finished: z.literal(true) }) });
    for (const more of [[], ["--temperature", "5"], ["--beams", "3"]]) {
      const { json } = await runCommand("generate", [...argv, ...more]);
      const value = JSON.parse(result.parse(json).result.text) as {
        readonly name: string;
        readonly room: string;
      };
      expect(Object.keys(value)).toEqual(["name", "room"]);
      expect(value.name).toBe("SetLight");
      expect(ROOMS).toContain(value.room);
    }
    await writeFile(file, JSON.stringify({ type: "string", pattern: "a" }));
    const rejected = await runCommand("generate", argv);
    expect([rejected.exitCode, rejected.json]).toMatchObject([65, { error: { code: "DATA_INVALID" } }]);
    expect((await runCommand("generate", [...argv, "--json-schema", join(root, "none")])).exitCode).not.toBe(
      0,
    );
  });

  test("copies arguments from the request, regardless of the model's output", async () => {
    const file = join(root, "copied.json");
    const copied = { type: "string", "x-copied": true };
    const schema = {
      type: "object",
      properties: { room: copied, level: copied },
      required: ["room", "level"],
    };
    await writeFile(file, JSON.stringify(schema));
    const predictions = join(root, "copied.jsonl");
    const argv = ["--data", join(root, "dev.jsonl"), "--metrics", METRICS.join(","), "--json-schema", file];
    const { exitCode } = await runCommand("eval", [join(out, "deploy"), ...argv, "-o", predictions]);
    expect(exitCode).toBe(0);
    const row = z.object({ source: z.string(), prediction: z.string() });
    const answer = z.object({ room: z.string().min(1), level: z.string().min(1) });
    const lines = (await readFile(predictions, "utf8")).trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const { source, prediction } = row.parse(JSON.parse(line));
      for (const value of Object.values(answer.parse(JSON.parse(prediction))))
        expect(source).toContain(value);
    }
  });
});
