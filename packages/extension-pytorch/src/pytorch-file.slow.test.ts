/** Fixtures: packages/extension-pytorch/fixtures/pytorch-files.py, with torch 2.8.0. */
import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { readHuggingFaceDirectory, readSafetensors } from "@slm/checkpoints";
import { SlmError } from "@slm/core";
import { useExtension } from "@slm/extensions";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import extension from "./index.js";
import { pytorchTensors } from "./pytorch-file.js";

const FIXTURES = join(import.meta.dirname, "../fixtures");
const fixture = (name: string): string => join(FIXTURES, name);

const directory = temporaryFolder();

describe(pytorchTensors, () => {
  test("reads every tensor as PyTorch has it: all types, transposed, narrowed, shared, scalar and empty", async () => {
    const { tensors: expected } = await readSafetensors(fixture("tensors.safetensors"));
    const tensors = await pytorchTensors(fixture("tensors.bin"));
    expect(tensors.map(({ name }) => name).sort()).toEqual([...expected.keys()].sort());
    for (const tensor of tensors) {
      const { name, shape } = tensor;
      expect(shape, name).toEqual(expected.get(name)!.shape);
      expect([...(await tensor.read())], name).toEqual([...(expected.get(name)!.data as Float32Array)]);
    }
  });

  test("calls nothing that a pickle names", async () => {
    await expect(pytorchTensors(fixture("evil.bin"))).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(/it names (posix|nt)\.system, which is not supported/u) as unknown,
      suggestions: [expect.stringContaining("safetensors") as unknown],
    });
    expect(existsSync("evil-was-here")).toBe(false);
  });

  test("the format before PyTorch 1.6 is rejected with the command that converts it", async () => {
    await expect(pytorchTensors(fixture("legacy.bin"))).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("PyTorch 1.6") as unknown,
    });
  });

  test("a missing file and a directory are said to be so", async () => {
    await expect(pytorchTensors(fixture("nothing.bin"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(pytorchTensors(FIXTURES)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("a corrupt file gives its tensors or an error of the file, and ends", async () => {
    const whole = await readFile(fixture("tensors.bin"));
    const file = join(directory, "corrupt.bin");
    const damage = fc.record({
      at: fc.nat(whole.length - 1),
      byte: fc.integer({ min: 0, max: 255 }),
      length: fc.option(fc.nat(whole.length), { freq: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, byte, length }) => {
        const bytes = Buffer.from(whole.subarray(0, length ?? whole.length));
        if (at < bytes.length) bytes[at] = byte;
        await writeFile(file, bytes);
        try {
          for (const tensor of await pytorchTensors(file)) await tensor.read();
        } catch (error) {
          expect(error).toBeInstanceOf(SlmError);
          expect((error as SlmError).code).toBe("DATA_INVALID");
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a model directory with pytorch_model.bin", () => {
  test("has its tensors; integers are refused as in safetensors", async () => {
    useExtension(extension);
    await writeFile(join(directory, "config.json"), "{}");
    await cp(fixture("tensors.bin"), join(directory, "pytorch_model.bin"));
    const { tensors } = await readHuggingFaceDirectory(directory);
    expect(tensors).toHaveLength(10);
    await cp(fixture("integers.bin"), join(directory, "pytorch_model.bin"));
    await expect(readHuggingFaceDirectory(directory)).rejects.toThrow(withCode("DATA_INVALID"));
  });
});
