import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@slm/core";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deployConfig } from "./deploy-config.js";
import { deployToDirectory } from "./deploy-to-directory.js";

const MODEL = tinyDeviceModel({
  name: "g2p",
  scheme: "cpu",
  graphs: {
    encoder: { file: "encoder.onnx", bytes: 7, scheme: "int8-dynamic" },
    decoder: { file: "onnx/decoder.onnx", bytes: 5, scheme: "int4-block" },
  },
  parameters: 1_330_000,
  vocabularySize: 80,
});

const FILES = {
  "encoder.onnx": "abcd",
  "encoder.onnx.data": "efg",
  "onnx/decoder.onnx": "hijkl",
  "tokenizer.json": "{}",
  "tokenizer_config.json": "{ }",
  "model.json": JSON.stringify(MODEL),
  "manifest.json": "{}",
  "notes.txt": "not part of the model",
} as const;

let root: string;
let model: string;
let outputDirectory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "deploy-"));
  [model, outputDirectory] = [join(root, "model"), join(root, "bundle")];
  await mkdir(join(model, "onnx"), { recursive: true });
  for (const [path, text] of Object.entries(FILES)) await writeFile(join(model, path), text);
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

describe(deployToDirectory, () => {
  test("copies graphs, external data, tokenizer and model.json, and nothing else", async () => {
    const { bundle, files } = await deployToDirectory({ model, outputDirectory, card: {} });
    const copied = [
      "encoder.onnx",
      "encoder.onnx.data",
      "onnx/decoder.onnx",
      "model.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ] as const;
    expect(bundle).toBe(outputDirectory);
    expect(files.map(({ path }) => path)).toEqual([...copied, "README.md"]);
    for (const path of copied) expect(await readFile(join(bundle, path), "utf8")).toBe(FILES[path]);
    const found = await readdir(bundle, { recursive: true });
    expect(found.filter((path) => path !== "onnx").sort()).toEqual(files.map(({ path }) => path).sort());
  });

  test("reports size and hash of every file as it stands in the bundle", async () => {
    const { bundle, files } = await deployToDirectory({ model, outputDirectory, card: {} });
    for (const { path, bytes, sha256: digest } of files) {
      const contents = await readFile(join(bundle, path));
      expect([bytes, digest]).toEqual([contents.length, sha256(contents)]);
    }
  });

  test("gives copies: writing to the bundle leaves the model as it was", async () => {
    const { bundle } = await deployToDirectory({ model, outputDirectory, card: {} });
    await writeFile(join(bundle, "encoder.onnx"), "changed");
    expect(await readFile(join(model, "encoder.onnx"), "utf8")).toBe("abcd");
  });

  test.each(["encoder.onnx", "onnx/decoder.onnx", "tokenizer.json", "tokenizer_config.json", "model.json"])(
    "rejects a model without %s, by name",
    async (path) => {
      await rm(join(model, path));
      const deploying = deployToDirectory({ model, outputDirectory, card: {} });
      await expect(deploying).rejects.toMatchObject({
        code: "INPUT_MISSING",
        message: expect.stringContaining(path) as string,
      });
    },
  );

  test("rejects a graph whose external data is missing", async () => {
    await rm(join(model, "encoder.onnx.data"));
    await expect(deployToDirectory({ model, outputDirectory, card: {} })).rejects.toThrow(
      /expected 7 bytes .* got 4/,
    );
  });

  test("rejects a symbolic link, which could carry a external file into the bundle", async () => {
    await writeFile(join(root, "secret"), "{}");
    await rm(join(model, "tokenizer.json"));
    await symlink(join(root, "secret"), join(model, "tokenizer.json"));
    await expect(deployToDirectory({ model, outputDirectory, card: {} })).rejects.toThrow(/regular file/);
  });

  test("rejects a graph path that leaves the model directory", async () => {
    const graphs = { decoder: { ...MODEL.graphs.decoder, file: "../secret.onnx" } };
    await writeFile(join(model, "model.json"), JSON.stringify({ ...MODEL, graphs }));
    await expect(deployToDirectory({ model, outputDirectory, card: {} })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  });
});

describe("deployConfig", () => {
  test("fills in the target and rejects a misspelt key", () => {
    expect(deployConfig.parse({})).toEqual({ target: "dir", limits: [], licences: [] });
    expect(deployConfig.safeParse({ licence: "MIT" }).success).toBe(false);
    expect(deployConfig.safeParse({ target: "hub" }).success).toBe(false);
  });
});
