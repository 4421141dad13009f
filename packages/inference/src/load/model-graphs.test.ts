import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { MemoryModel, tinyVisionModel, writeTinyModel } from "@slm/exported-model/testing";
import { GraphBuilder, writeOnnx } from "@slm/onnx";
import { beforeEach, describe, expect, test } from "vitest";
import { loadGraphs } from "./model-graphs.js";

const folder = temporaryFolder({ each: true });
beforeEach(async () => {
  await writeTinyModel(folder, tinyVisionModel());
  await writeOnnx(new GraphBuilder("decoder").build(), join(folder, "decoder.onnx"));
});

describe(loadGraphs, () => {
  test("loads every graph of a model, and releases the graphs but not the runtime when it is closed", async () => {
    const runtime = new MemoryModel();
    const loaded = await loadGraphs(folder, runtime);
    expect(runtime.loaded).toEqual(["vision", "encoder", "decoder"]);
    await loaded.close();
    expect([runtime.loaded, runtime.isClosed]).toEqual([[], false]);
  });

  test("releases the loaded graphs if a later one cannot be loaded", async () => {
    const runtime = new MemoryModel();
    const failing = loadGraphs(folder, runtime, {
      edit: () => {
        throw new SlmError("OP_UNSUPPORTED", "no such decoder");
      },
    });
    await expect(failing).rejects.toThrow(withCode("OP_UNSUPPORTED"));
    expect(runtime.loaded).toEqual([]);
  });
});
