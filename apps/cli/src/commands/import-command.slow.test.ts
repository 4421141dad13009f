import { verifyDirectory } from "@slm/core";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import {
  ENCODER_DECODERS,
  familyReference,
  writeEncoderDecoder,
} from "../testing/external-encoder-decoder.js";
import { runCommand } from "../testing/run-command.js";

const root = temporaryFolder();
beforeAll(async () => {
  for (const family of ENCODER_DECODERS) await writeEncoderDecoder(join(root, family), family);
});

/** Float32 rounding differences of another summation order. */
const PARITY = 2e-4;

describe.each(ENCODER_DECODERS)("a published %s", (family) => {
  test("is imported, exported and generates with its own settings", async () => {
    const [imported, exported] = [join(root, `${family}-imported`), join(root, `${family}-cpu`)];
    const made = await runCommand("import", [
      join(root, family),
      "-o",
      imported,
      "--max-source",
      "20",
      "--json",
    ]);
    expect(made).toMatchObject({ exitCode: 0, json: { result: { vocab: 44, artifact: imported } } });
    expect((await verifyDirectory(imported)).problems).toEqual([]);
    const { exitCode, json } = await runCommand("export", [
      imported,
      "--target",
      "cpu",
      "-o",
      exported,
      "--json",
    ]);
    expect(exitCode).toBe(0);
    expect((json as { result: { parity: { maxAbs: number } } }).result.parity.maxAbs).toBeLessThan(PARITY);
    const model = JSON.parse(await readFile(join(exported, "model.json"), "utf8")) as { generation: object };
    const settings = JSON.parse(
      await readFile(join(familyReference(family), "generation_config.json"), "utf8"),
    ) as object;
    expect(model.generation).toEqual(settings);
    const answer = await runCommand("generate", [exported, "--prompt", "DAB", "--max-tokens", "6", "--json"]);
    expect(answer).toMatchObject({ exitCode: 0, json: { result: { text: expect.any(String) as string } } });
  });
});

test("an encoder-decoder of another family is rejected, with its name and the supported families", async () => {
  const output = join(root, "none");
  const directory = join(root, "longt5");
  await writeEncoderDecoder(directory, "t5");
  const config = JSON.parse(await readFile(join(directory, "config.json"), "utf8")) as object;
  await writeFile(join(directory, "config.json"), JSON.stringify({ ...config, model_type: "longt5" }));
  const { exitCode, json } = await runCommand("import", [directory, "-o", output, "--json"]);
  expect(exitCode).toBe(78);
  expect(json).toMatchObject({ error: { code: "CONFIG_INVALID" } });
  expect((json as { error: { message: string } }).error.message).toMatch(
    /longt5.*supported encoder-decoders are t5, mt5/,
  );
});
