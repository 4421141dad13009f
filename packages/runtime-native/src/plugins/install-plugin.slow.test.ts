import { withCode } from "@slm/core/testing";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { installPlugin } from "./install-plugin.js";
import { listPlugins } from "./installed.js";
import { libraryHere, qnnFiles, writeWheel } from "./test-packages.test-support.js";
import { useTestStore } from "./test-store.test-support.js";

const { at, store, add, addWheel, stored } = useTestStore();

describe(installPlugin, () => {
  test("finds the same package installed, and repairs a corrupt one", async () => {
    const { plugin } = await addWheel();
    expect((await add("plugin.whl")).wasInstalled).toBe(true);
    await writeFile(plugin.library, "corrupt");
    expect((await add("plugin.whl")).wasInstalled).toBe(false);
    expect(await readFile(plugin.library)).toEqual(libraryHere("provider"));
    await expect(
      addWheel({ files: { ...qnnFiles(), "onnxruntime_qnn/LICENSE": "another" } }),
    ).rejects.toThrow(withCode("USAGE"));
  });

  test("of several at once adds one whole plug-in; others are told to wait", async () => {
    await writeWheel(at("plugin.whl"), {
      files: { ...qnnFiles(), "onnxruntime_qnn/big.bin": randomBytes(8 << 20) },
    });
    const results = await Promise.allSettled([add("plugin.whl"), add("plugin.whl"), add("plugin.whl")]);
    const failed = results.filter((result) => result.status === "rejected");
    expect(results.length - failed.length).toBeGreaterThanOrEqual(1);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: "BUSY" });
    expect(await listPlugins({ folder: store(), check: true })).toMatchObject([{ name: "qnn", state: "ok" }]);
  });

  test("leaves nothing when it is interrupted", async () => {
    const stop = new AbortController();
    await writeWheel(at("plugin.whl"), {
      files: { ...qnnFiles(), "onnxruntime_qnn/big.bin": randomBytes(8 << 20) },
    });
    const adding = add("plugin.whl", {
      signal: stop.signal,
      accept: () => {
        setTimeout(() => {
          stop.abort();
        }, 0);
        return Promise.resolve();
      },
    });
    await expect(adding).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(await stored()).toEqual([]);
  });

  test("installs nothing when it is killed, and the next call removes the leftovers", async () => {
    await writeWheel(at("plugin.whl"), {
      files: { ...qnnFiles(), "onnxruntime_qnn/big.bin": randomBytes(64 << 20) },
    });
    const module = fileURLToPath(new URL("../../dist/plugins/index.js", import.meta.url));
    const program = `import(process.argv[1]).then(({ addPlugin }) =>
      addPlugin({ source: process.argv[2], folder: process.argv[3], accept: async () => {} }))`;
    const child = spawn(process.execPath, ["-e", program, module, at("plugin.whl"), store()], {
      stdio: "ignore",
    });
    const partial = async (): Promise<boolean> =>
      (await stored()).some((name) => /partial-\w+.files.\w/u.test(name));
    await expect.poll(partial, { interval: 2, timeout: 120_000 }).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await listPlugins({ folder: store() })).toEqual([]);
    expect(await partial()).toBe(true);
    await add("plugin.whl");
    expect(await partial()).toBe(false);
    expect(await listPlugins({ folder: store(), check: true })).toMatchObject([{ name: "qnn", state: "ok" }]);
  });
});
