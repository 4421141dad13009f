/** Runs the commands of docs/how-to/export-npu.md on FLAN-T5's architecture with small random weights. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { readDeviceModel } from "@slm/exported-model";
import { expect, test } from "vitest";
import { writeEncoderDecoder } from "../../apps/cli/src/testing/external-encoder-decoder.js";
import { blocksOf, slmCommands } from "../how-to-page.js";
import { bin } from "../slm-process.js";

const folder = temporaryFolder();

test("the commands end with a bundle for two chips that the compiler took whole, and an answer of the simulator", async () => {
  // mT5 has FLAN-T5's architecture: gated GELU, an untied head.
  await writeEncoderDecoder(join(folder, "published"), "mt5");
  const row = JSON.stringify({ source: "FEG MINUS", target: "GO" });
  await writeFile(join(folder, "calibration.jsonl"), `${row}\n`.repeat(16));
  const block = (await blocksOf("export-npu.md", "sh")).find((text) => text.includes("slm import"));
  const commands = slmCommands(block!, {
    "google/flan-t5-small": "published",
    "translate English to German: Good morning.": "FEG",
  });
  const printed = new Map<string, { readonly stdout: string; readonly stderr: string }>();
  for (const command of commands)
    printed.set(command[0]!, await execa(process.execPath, [bin, ...command], { cwd: folder }));
  expect([...printed.keys()]).toEqual("import export quantize analyze compile generate deploy".split(" "));
  expect(printed.get("generate")!.stdout).not.toBe("");
  expect(printed.get("generate")!.stderr).toMatch(/simulat/);
  const { compiled } = await readDeviceModel(join(folder, "flan-bundle"));
  expect(compiled?.map(({ soc }) => soc)).toEqual(["sm8650", "sc8380xp"]);
}, 300_000);
