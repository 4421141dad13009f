import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";
import { tinyShape } from "../testing/tiny-shape.js";

const SHAPE = tinyShape("encoder-decoder", 8);

const root = temporaryFolder();
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  await writeFile(at("shape.yaml"), SHAPE);
  await runCommand("model:init", [at("shape.yaml"), "-o", at("checkpoint"), "--seed", "3", "--json"]);
});

const envelope = z.object({ result: z.record(z.string(), z.unknown()) });
const resultOf = ({ stdout }: { readonly stdout: string }): Record<string, unknown> =>
  envelope.parse(JSON.parse(stdout)).result;

describe("slm model init", () => {
  test("writes a checkpoint with random weights, which depend on the seed", async () => {
    expect(await readdir(at("checkpoint"))).toEqual(
      expect.arrayContaining(["config.json", "manifest.json", "model.safetensors", "tokenizer.json"]),
    );
    const again = await runCommand("model:init", [at("shape.yaml"), "-o", at("again"), "--json"]);
    expect(resultOf(again)).toMatchObject({ parameters: expect.any(Number) as number, seed: 1 });
  });

  test("rejects a vocabulary that is too small for its tokenizer, and an invalid shape", async () => {
    await writeFile(at("small.yaml"), SHAPE.replace("vocabularySize: 120", "vocabularySize: 20"));
    expect((await runCommand("model:init", [at("small.yaml"), "-o", at("x"), "--json"])).exitCode).toBe(78);
    await writeFile(at("odd.yaml"), SHAPE.replace("heads: 4", "heads: 3"));
    expect((await runCommand("model:init", [at("odd.yaml"), "-o", at("x"), "--json"])).exitCode).toBe(78);
  });
});

describe("slm export", () => {
  test("writes one pair of graphs for each source length of target npu, and reports the difference of each", async () => {
    const argv = [at("checkpoint"), "--target", "npu", "--profile", "vitisai", "--buckets", "8,64", "--json"];
    const result = resultOf(await runCommand("export", [...argv, "-o", at("npu")]));
    expect(result).toMatchObject({ target: "npu", profile: "vitisai", opset: 17 });
    const listed = z.array(z.object({ path: z.string() })).parse(result.files);
    const written = (await readdir(at("npu"), { recursive: true })).filter(
      (path) => path !== "manifest.json",
    );
    expect(listed.map(({ path }) => path).sort()).toEqual(written.sort());
    const { buckets, provider } = z
      .object({
        buckets: z.array(z.object({ source: z.number(), maxAbs: z.number().max(1e-3) })),
        provider: z.string(),
      })
      .parse(result["parity"]);
    expect(buckets.map(({ source }) => source)).toEqual([8, 20]);
    expect(provider).toBe("cpu");
    expect(await readdir(at("npu"))).toEqual(
      expect.arrayContaining(["encoder.8.onnx", "decoder.20.onnx", "weights.data", "model.json"]),
    );
  });

  test("plans without writing: graphs, sizes, memory for each source length", async () => {
    const argv = [at("checkpoint"), "--target", "npu", "--buckets", "8,16", "--window", "5", "--dry-run"];
    const { plan } = resultOf(await runCommand("export", [...argv, "-o", at("nothing"), "--json"]));
    expect(plan).toMatchObject({
      graphs: [8, 16].flatMap((bucket) => [
        { file: `encoder.${bucket}.onnx`, bucket },
        { file: `decoder.${bucket}.onnx`, bucket },
      ]),
      // Two layers with two KV heads of 16, keys and values, float32.
      memory: [
        { source: 8, window: 5, cacheBytes: 5 * 512, sourceBytes: 8 * 512 },
        { source: 16, window: 5, cacheBytes: 5 * 512, sourceBytes: 16 * 512 },
      ],
    });
    expect(await readdir(root)).not.toContain("nothing");
    const { stdout } = await runCommand("export", argv);
    expect(stdout).toContain("(estimate)");
  });

  test.each([
    ["--profile voodoo", "export", "unknown profile 'voodoo', expected cpu, cuda, "],
    ["--target web --profile voodoo", "analyze", "unknown profile 'voodoo', expected cpu, cuda, "],
  ])("rejects %s of slm %s and names the profiles", async (flags, command, message) => {
    const { exitCode, json } = await runCommand(command, [at("checkpoint"), ...flags.split(" "), "--json"]);
    expect(exitCode).toBe(2);
    expect(JSON.stringify(json)).toContain(message);
  });

  test.each([
    [["--target", "npu", "--profile", "cuda"], 2],
    [["--target", "npu", "--buckets", "8,x"], 2],
    [["--target", "npu", "--window", "9"], 2],
    [["--target", "npu", "--layout", "transformers.js"], 65],
    [["--precision", "bfloat16"], 65],
  ])("rejects %o, also with --dry-run", async (flags, exitCode) => {
    const argv = [at("checkpoint"), ...flags, "-o", at("rejected"), "--json"];
    expect((await runCommand("export", argv)).exitCode).toBe(exitCode);
    expect((await runCommand("export", [...argv, "--dry-run"])).exitCode).toBe(exitCode);
    expect(await readdir(root)).not.toContain("rejected");
  });
});
