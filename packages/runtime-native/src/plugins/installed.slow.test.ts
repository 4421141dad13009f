import { withCode } from "@slm/core/testing";
import { readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesOf, findPlugin, listPlugins } from "./installed.js";
import { removePlugin } from "./remove-plugin.js";
import { useTestStore } from "./test-store.test-support.js";

const { store, addWheel, stored } = useTestStore();

describe(listPlugins, () => {
  test("compares sizes at every call, and bytes on request", async () => {
    const { plugin } = await addWheel();
    const bytes = await readFile(plugin.library);
    await writeFile(plugin.library, Buffer.from(bytes).reverse());
    expect(await listPlugins({ folder: store() })).toMatchObject([{ state: "ok" }]);
    expect(await listPlugins({ folder: store(), check: true })).toMatchObject([
      { state: "corrupt", reason: expect.stringContaining("has changed since") as string },
    ]);
    await truncate(plugin.library, 10);
    expect(await listPlugins({ folder: store() })).toMatchObject([{ state: "corrupt" }]);
    await rm(plugin.library);
    expect(await listPlugins({ folder: store() })).toMatchObject([
      { state: "corrupt", reason: expect.stringContaining("is missing") as string },
    ]);
  });

  test("shows a plug-in of another platform, which is not found for a device", async () => {
    const { plugin } = await addWheel();
    const own = join(plugin.folder, "..");
    const other = process.platform === "darwin" ? "linux-x64" : "darwin-arm64";
    const text = await readFile(join(own, "plugin.json"), "utf8");
    const manifest = JSON.parse(text) as { platform: string };
    await rename(own, join(own, "..", other));
    await writeFile(join(own, "..", other, "plugin.json"), JSON.stringify({ ...manifest, platform: other }));
    expect(await listPlugins({ folder: store() })).toMatchObject([
      { state: "other platform", platform: other },
    ]);
    expect(await findPlugin("npu", "qnn", store())).toBeUndefined();
  });
});

describe(findPlugin, () => {
  test("takes the one that was added last", async () => {
    await addWheel({ version: "2.8.0" });
    await addWheel({ version: "2.7.0" });
    expect((await findPlugin("npu", "qnn", store()))?.version).toBe("2.7.0");
    await addWheel({ version: "2.8.0" });
    expect((await findPlugin("npu", "qnn", store()))?.version).toBe("2.8.0");
    expect((await listPlugins({ folder: store() })).map(({ version }) => version)).toEqual([
      "2.7.0",
      "2.8.0",
    ]);
  });

  test("does not take an older one instead of a corrupt one", async () => {
    await addWheel({ version: "2.6.0" });
    const { plugin } = await addWheel();
    await rm(plugin.library);
    await expect(findPlugin("npu", "qnn", store())).rejects.toMatchObject({
      code: "DATA_INVALID",
      suggestions: ["slm device remove qnn --version 2.7.0", "pip download --no-deps onnxruntime-qnn==2.7.0"],
    });
    await writeFile(join(plugin.folder, "..", "plugin.json"), "{");
    await expect(findPlugin("npu", "qnn", store())).rejects.toThrow(withCode("DATA_INVALID"));
    expect(await findPlugin("npu", "openvino", store())).toBeUndefined();
  });

  test("rejects one that works with another version of ONNX Runtime only", async () => {
    const { plugin, manifest } = await addWheel();
    await writeFile(
      join(plugin.folder, "..", "plugin.json"),
      JSON.stringify({ ...manifest, onnxRuntime: "1.0.0" }),
    );
    expect(await listPlugins({ folder: store() })).toMatchObject([{ state: "other ONNX Runtime" }]);
    await expect(findPlugin("npu", "qnn", store())).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("does not follow a manifest out of its folder", async () => {
    const { plugin } = await addWheel();
    const file = join(plugin.folder, "..", "plugin.json");
    const manifest = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...manifest, library: "../../../../evil.so" }));
    await expect(findPlugin("npu", "qnn", store())).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe(removePlugin, () => {
  test("removes one version or all, corrupt or not, and reports them", async () => {
    await addWheel({ version: "2.6.0" });
    const { plugin, manifest } = await addWheel();
    await writeFile(join(plugin.folder, "..", "plugin.json"), "{");
    const platform = `${process.platform}-${process.arch}`;
    expect(await removePlugin({ name: "qnn", version: "2.7.0", folder: store() })).toEqual([
      { name: "qnn", version: "2.7.0", platform, bytes: 0 },
    ]);
    expect(await removePlugin({ name: "qnn", folder: store() })).toEqual([
      { name: "qnn", version: "2.6.0", platform, bytes: bytesOf(manifest) },
    ]);
    expect(await stored()).toEqual([]);
  });

  test("names a plug-in that is not installed", async () => {
    await addWheel();
    await expect(removePlugin({ name: "qnn", version: "9", folder: store() })).rejects.toMatchObject({
      code: "INPUT_MISSING",
      context: { installed: ["qnn 2.7.0"] },
    });
    await expect(removePlugin({ name: "../up", folder: store() })).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
  });
});
