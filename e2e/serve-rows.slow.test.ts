/** Requests in a shared batch get the same answers as alone, with every attention lowering. The CPU also runs graphs for other devices. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig } from "@slm/serve";
import { loadTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../apps/cli/src/testing/run-command.js";
import { tinyShape } from "../apps/cli/src/testing/tiny-shape.js";
import { openBatchedModel } from "../packages/serve/src/model/batched-model.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-serve-rows-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const SOURCES = ["abab", "hello", "a", "abcabcabcabc", "zyx", "no"];

const FOR_CPU = "--target cpu";
const forGpu = (profile: string, precision: string): string =>
  `--target gpu --profile ${profile} --precision ${precision}`;

let made = 0;
test.each([
  ["encoder-decoder", 24, "", FOR_CPU],
  ["encoder-decoder", 140, "", FOR_CPU],
  ["encoder-decoder", 24, "encoderPooling: { afterLayers: [1], group: 2 }", FOR_CPU],
  ["decoder-only", 24, "", FOR_CPU],
  ["decoder-only", 140, "", FOR_CPU],
  ["encoder-decoder", 24, "", "--target web"],
  ["encoder-decoder", 24, "", forGpu("webgpu", "float32")],
  ["decoder-only", 24, "", forGpu("webgpu", "float16")],
  ["encoder-decoder", 24, "", forGpu("directml", "float32")],
  ["encoder-decoder", 24, "", forGpu("cuda", "float16")],
  ["decoder-only", 24, "", forGpu("cuda", "float16")],
] as const)(
  "%s with room for %d tokens %s (%s)",
  async (architecture, maxTarget, further, flags) => {
    const folder = join(root, String(made++));
    await mkdir(folder);
    const at = (name: string): string => join(folder, name);
    await writeFile(at("shape.yaml"), tinyShape(architecture, maxTarget, further));
    await runCommand("model:init", [at("shape.yaml"), "-o", at("checkpoint"), "--json"]);
    await runCommand("export", [at("checkpoint"), "-o", at("model"), ...flags.split(" "), "--json"]);

    const alone = await createCpuRuntime({ threads: 1 });
    const generator = await openModel(at("model"), alone);
    const expected: string[] = [];
    for (const source of SOURCES)
      expected.push((await generator.generate([source], { maxTokens: 18 }))[0]!.text);
    await generator.close();
    await alone.close();

    const served = await openBatchedModel(at("model"), await createCpuRuntime({ threads: 1 }), {
      maxRows: 4,
      maxWaiting: 16,
      limits: serveConfig.parse({}),
    });
    const tokenizer = await loadTokenizer(at("model"));
    const { signal } = new AbortController();
    const answers = await Promise.all(
      SOURCES.map(async (source, place) => {
        // Rows join while others are being generated.
        await sleep(2 * place);
        const request = { source: tokenizer.encodeSource(source), rules: served.rulesOf(undefined) };
        return (await (await served.prepare({ ...request, maxTokens: 18, signal })).run()).text;
      }),
    );
    await served.close();
    expect(answers).toEqual(expected);
  },
  60_000,
);

test("graphs that take one position for all rows are refused, with the export that is served", async () => {
  const at = (name: string): string => join(root, name);
  await writeFile(at("shape.yaml"), tinyShape("encoder-decoder", 24));
  await runCommand("model:init", [at("shape.yaml"), "-o", at("checkpoint"), "--json"]);
  await runCommand("export", [
    at("checkpoint"),
    "-o",
    at("model"),
    ...forGpu("cuda", "float32").split(" "),
    "--json",
  ]);
  const runtime = await createCpuRuntime({ threads: 1 });
  await expect(
    openBatchedModel(at("model"), runtime, { maxRows: 4, maxWaiting: 16, limits: serveConfig.parse({}) }),
  ).rejects.toMatchObject({
    code: "OP_UNSUPPORTED",
    suggestions: expect.arrayContaining([
      "slm export CHECKPOINT --target gpu --profile cuda --precision float16",
    ]) as string[],
  });
  await runtime.close();
});
