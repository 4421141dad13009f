import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SlmError, writeBytesAtomic, writeTextAtomic, readTextFile, SLM_VERSION } from "@slm/core";
import { parseImageProcessing } from "@slm/vision";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEVICE_MODEL_FILE, graphsOf, modelBytes, type DeviceModel } from "./device-model.js";
import { readDeviceModel, writeDeviceModel } from "./device-model-file.js";
import { tinyDeviceModel } from "./testing/index.js";

const root = temporaryFolder({ each: true });

const model = tinyDeviceModel({
  graphs: {
    encoder: { file: "encoder.onnx", bytes: 10, scheme: "float32" },
    decoder: { file: "decoder.onnx", bytes: 20, scheme: "float32" },
  },
  maxSource: 32,
});

describe(readDeviceModel, () => {
  test("reads what was written", async () => {
    await writeDeviceModel(root, model);
    expect(await readDeviceModel(root)).toEqual(model);
  });

  test.each([
    ["toaster", undefined, /target: .*"cpu"\|"gpu"\|"web"\|"npu"/],
    ["npu", "unheard-of", /profile: /],
    ["npu", "cuda", /target 'npu' has no profile 'cuda'; its profiles are qnn, openvino, coreml, vitisai/],
  ])("rejects target %s with profile %s", async (target, profile, message) => {
    await writeTextAtomic(join(root, DEVICE_MODEL_FILE), JSON.stringify({ ...model, target, profile }));
    await expect(readDeviceModel(root)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(message) as string,
    });
  });

  test("takes a vision-language model only with its graph, its settings and room for text", async () => {
    const graph = { file: "vision.onnx", bytes: 5, scheme: "float32" };
    const image = parseImageProcessing({ resize: { kind: "stretch", height: 8, width: 8 } }, "test");
    const vision = {
      image,
      patch: { height: 4, width: 4 },
      classToken: false,
      tokens: 4,
      width: 16,
      flopsPerImage: 10,
    };
    const seeing: DeviceModel = { ...model, graphs: { vision: graph, ...model.graphs }, vision };
    await writeDeviceModel(root, seeing);
    expect(await readDeviceModel(root)).toEqual(seeing);
    expect(graphsOf(seeing).map(({ name }) => name)).toEqual(["vision", "encoder", "decoder"]);
    expect(modelBytes(seeing)).toBe(35);
    const broken: readonly (readonly [DeviceModel, RegExp])[] = [
      [{ ...model, vision }, /must both be present/],
      [{ ...seeing, vision: undefined }, /must both be present/],
      [{ ...seeing, maxSource: 4 }, /no room for text/],
      [{ ...seeing, architecture: "decoder-only" }, /decoder-only/],
      [{ ...seeing, vision: { ...vision, patch: { height: 9, width: 1 } } }, /larger than/],
    ];
    for (const [wrong, message] of broken) {
      await writeDeviceModel(root, wrong);
      await expect(readDeviceModel(root)).rejects.toThrow(message);
    }
  });

  test("a model has a decoder graph or a portable form", async () => {
    const form = { file: "portable.int8.bin", bytes: 9, weights: "int8" as const };
    await writeDeviceModel(root, { ...model, graphs: {}, portable: [form] });
    expect(modelBytes(await readDeviceModel(root))).toBe(9);
    await writeDeviceModel(root, { ...model, graphs: {} });
    await expect(readDeviceModel(root)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("answers every corrupted file with an SlmError", async () => {
    const text = JSON.stringify(model);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), async (at, insert) => {
        await writeFile(join(root, DEVICE_MODEL_FILE), text.slice(0, at) + insert + text.slice(at + 2));
        const outcome = await readDeviceModel(root).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(SlmError);
      }),
    );
  });
});

describe(writeTextAtomic, () => {
  test("leaves the old contents and no temporary file when it cannot write", async () => {
    await writeTextAtomic(join(root, "a"), "old");
    await expect(writeBytesAtomic(join(root, "a", "b"), new Uint8Array(1))).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
    });
    expect(await readdir(root)).toEqual(["a"]);
    expect(await readFile(join(root, "a"), "utf8")).toBe("old");
  });

  test("lets concurrent writers of one file each write all of theirs", async () => {
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
    await Promise.all(texts.map((text) => writeTextAtomic(join(root, "file"), text)));
    expect(texts).toContain(await readFile(join(root, "file"), "utf8"));
    expect(await readdir(root)).toEqual(["file"]);
  });
});

describe(readTextFile, () => {
  test("rejects a file above the limit unread, and a directory", async () => {
    await writeFile(join(root, "big"), "12345");
    await expect(readTextFile(join(root, "big"), { limitBytes: 4 })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await expect(readTextFile(root)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});

test("the recorded version is the package's", async () => {
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(SLM_VERSION).toBe(version);
});
