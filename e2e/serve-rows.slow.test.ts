/** Requests in a shared batch get the same answers as alone, with every attention lowering. The CPU also runs graphs for other devices. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "@slm/core/testing";
import { readModule } from "@slm/c-export/portable";
import { readDeviceModel } from "@slm/exported-model";
import { openGraphModel } from "@slm/inference";
import { PortableParts } from "@slm/inference/portable";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig } from "@slm/serve";
import { loadTokenizer } from "@slm/tokenizer";
import { expect, test } from "vitest";
import { runCommand } from "../apps/cli/src/testing/run-command.js";
import { tinyShape } from "../apps/cli/src/testing/tiny-shape.js";
import { openBatchedModel } from "../packages/serve/src/model/open-batched-model.js";

const root = temporaryFolder();

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
    const generator = await openGraphModel(at("model"), alone);
    const expected: string[] = [];
    for (const source of SOURCES)
      expected.push((await generator.generate([source], { maxTokens: 18 }))[0]!.text);
    await generator.close();
    await alone.close();

    expect(await servedTexts(at("model"), await createCpuRuntime({ threads: 1 }))).toEqual(expected);
    const { portable } = await readDeviceModel(at("model"));
    if (portable !== undefined)
      expect(
        await servedTexts(at("model"), await PortableParts.open(at("model"), await readModule())),
      ).toEqual(expected);
    expect(portable !== undefined).toBe(flags === FOR_CPU || flags === "--target web");
  },
  120_000,
);

/** Answers of a server, whose requests join while others are being generated; half of them choose their tokens from logits. */
async function servedTexts(model: string, on: Runtime | PortableParts): Promise<readonly string[]> {
  const served = await openBatchedModel(model, on, {
    maxRows: 4,
    maxWaiting: 16,
    limits: serveConfig.parse({}),
  });
  const tokenizer = await loadTokenizer(model);
  const { signal } = new AbortController();
  const answers = await Promise.all(
    SOURCES.map(async (source, place) => {
      await sleep(2 * place);
      // A bias that changes nothing, so that the most probable token is chosen from the logits.
      const rules = served.rulesOf(place % 2 === 0 ? undefined : { logitBias: new Map([[1, 0]]) });
      const request = { source: tokenizer.encodeSource(source), rules, maxTokens: 18, signal };
      return (await (await served.prepare(request)).run()).text;
    }),
  );
  await served.close();
  return answers;
}

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
