import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import { runCommand } from "../testing/run-command.js";

const A_NUMBER: unknown = expect.any(Number);

const root = temporaryFolder();
let checkpoint: string;
beforeAll(async () => {
  checkpoint = join(root, "run", "distill");
  const argv = [await writeTinyRecipe(root), "--out", join(root, "run"), "--quiet"];
  const { exitCode, stderr } = await runCommand("distill", argv);
  if (exitCode !== 0) throw new Error(stderr);
});

describe("slm export --target c", () => {
  test.each(["float32", "int8", "int4"])(
    "writes C with %s weights, and says how far the logits differ",
    async (form) => {
      const output = join(root, form);
      const argv = [checkpoint, "--target", "c", "--weights", form, "--name", "tiny", "-o", output, "--json"];
      const { exitCode, json } = await runCommand("export", argv);
      expect(exitCode).toBe(0);
      expect(json).toMatchObject({
        result: {
          artifact: output,
          opset: null,
          arenaBytes: A_NUMBER,
          parity: { maxAbs: A_NUMBER },
          text: { kind: "symbols" },
        },
      });
      expect(await readdir(output)).toEqual(["manifest.json", "tiny.bin", "tiny.c", "tiny.h"]);
    },
  );

  test.each([
    ["a flag of graphs", ["--chunk", "4"], "target c does not have --chunk"],
    ["another precision", ["--precision", "float16"], "target c does not have --precision"],
    ["a name that C does not allow", ["--name", "9lives"], "'9lives' is not a C identifier"],
  ])("rejects %s", async (_what, flags, message) => {
    const { exitCode, stderr } = await runCommand("export", [checkpoint, "--target", "c", ...flags]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test("has flags of its own, which other targets reject", async () => {
    const { exitCode } = await runCommand("export", [checkpoint, "--weights", "int8"]);
    expect(exitCode).toBe(2);
  });
});
