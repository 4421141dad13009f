import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";
import { tinyShape } from "../testing/tiny-shape.js";

const root = temporaryFolder();
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  for (const [model, architecture, maxTarget] of [
    ["encoder-decoder", "encoder-decoder", 24],
    ["decoder-only", "decoder-only", 24],
    ["encoder-decoder of long answers", "encoder-decoder", 140],
    ["decoder-only of long answers", "decoder-only", 140],
  ] as const) {
    const shape = at(`${model}.yaml`);
    await writeFile(shape, tinyShape(architecture, maxTarget));
    await runCommand("model:init", [shape, "-o", at(`${model} checkpoint`), "--json"]);
    await runCommand("export", [at(`${model} checkpoint`), "-o", at(model), "--json"]);
  }
  for (const scheme of ["int4-block", "int8-dynamic"])
    await runCommand("quantize", [
      at("encoder-decoder"),
      "--scheme",
      scheme,
      "--block-size",
      "16",
      "-o",
      at(scheme),
      "--json",
    ]);
  const npu = ["--target", "npu", "--profile", "qnn", "--buckets", "20"];
  await runCommand("export", [at("encoder-decoder checkpoint"), ...npu, "-o", at("npu"), "--json"]);
});

const generated = z.object({
  result: z.object({
    generations: z.array(z.object({ text: z.string(), tokens: z.number(), reason: z.string() })),
  }),
});
const PROMPTS = ["abab", "hello", "a", "abcabcabcabc"].flatMap((text) => ["--prompt", text]);
const texts = async (...argv: readonly string[]) =>
  generated
    .parse((await runCommand("generate", [...argv, ...PROMPTS, "--json"])).json)
    .result.generations.map(({ text, tokens, reason }) => ({ text, tokens, reason }));

describe("slm generate --prompt-lookup", () => {
  test.each([
    ...["encoder-decoder", "decoder-only", "int4-block"],
    ...["encoder-decoder of long answers", "decoder-only of long answers"],
  ])("gives the greedy answers of a model that is %s, for any number of draft tokens", async (model) => {
    const greedy = await texts(at(model), "--max-tokens", "18");
    for (const draftTokens of ["1", "5", "40"])
      expect(await texts(at(model), "--max-tokens", "18", "--prompt-lookup", draftTokens)).toEqual(greedy);
  });

  test("ends answers where greedy decoding does: at stop texts and at the token limit", async () => {
    const [first] = await texts(at("encoder-decoder"));
    const word = first!.text.split(" ")[2]!;
    const stops = ["--stop", word, "--max-tokens", "7"];
    const [plain, drafted] = [
      await texts(at("encoder-decoder"), ...stops),
      await texts(at("encoder-decoder"), ...stops, "--prompt-lookup", "4"),
    ];
    expect(drafted).toEqual(plain);
    expect(plain.map(({ reason }) => reason)).toContain("stop");
  });

  test("is rejected if drafts would change answers, with other sampling options, and for graphs of one token", async () => {
    const code = async (...argv: readonly string[]) =>
      (await runCommand("generate", [...argv, "--prompt-lookup", "4", ...PROMPTS, "--json"])).exitCode;
    expect(await code(at("int8-dynamic"), "--engine", "onnxruntime")).toBe(65);
    expect(await code(at("npu"))).toBe(65);
    expect(await code(at("encoder-decoder"), "--temperature", "1")).toBe(2);
    expect(await code(at("encoder-decoder"), "--repetition-penalty", "1.2")).toBe(2);
  });
});
