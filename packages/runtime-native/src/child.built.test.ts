import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { runJob } from "./child.js";
import { openNativeRuntime } from "./native-runtime.js";
import type { NativeProvider } from "./host/provider.js";

const folder = temporaryFolder();

const plugin = (library: string): NativeProvider => ({
  library,
  registrationName: "BrokenExecutionProvider",
  options: {},
});

describe(runJob, () => {
  test("reports a file that is not a library, and the program continues", async () => {
    const library = join(folder, "not-a-library.so");
    await writeFile(library, "text");
    for (let again = 0; again < 2; again++)
      await expect(runJob("devices", plugin(library))).rejects.toMatchObject({
        name: "SlmError",
        code: "DEVICE_UNAVAILABLE",
        message: expect.stringContaining(library) as string,
      });
  });

  test("turns the end of the process into an error with a code", async () => {
    const request = {
      provider: plugin(join(folder, "missing.so")),
      source: join(folder, "graph.onnx"),
      output: join(folder, "compiled.onnx"),
      threads: 1,
    };
    const environment = process.env.NODE_OPTIONS;
    // Like an abort in a vendor's library: the process is gone before it answers.
    const killer = join(folder, "abort.cjs");
    await writeFile(killer, "process.stderr.write('vendor: assertion failed'); process.abort();");
    process.env.NODE_OPTIONS = `--require ${killer}`;
    try {
      await expect(runJob("compile", request)).rejects.toMatchObject({
        code: "DEVICE_UNAVAILABLE",
        message: expect.stringContaining("SIGABRT") as string,
        context: { standardError: expect.stringContaining("assertion failed") as string },
      });
      await expect(openNativeRuntime({ device: { provider: "x" } })).rejects.toMatchObject({
        code: "DEVICE_UNAVAILABLE",
        message: expect.stringContaining("SIGABRT") as string,
      });
    } finally {
      process.env.NODE_OPTIONS = environment;
      if (environment === undefined) delete process.env.NODE_OPTIONS;
    }
  });

  test("stops when the signal fires", async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(runJob("devices", plugin("x"), stop.signal)).rejects.toMatchObject({ code: "INTERRUPTED" });
    const late = new AbortController();
    const job = runJob("devices", plugin(join(folder, "missing.so")), late.signal);
    late.abort();
    await expect(job).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe(openNativeRuntime, () => {
  test.each([0, 1.5, Number.NaN])("rejects %d threads", async (threads) => {
    await expect(openNativeRuntime({ device: { provider: "cpu" }, threads })).rejects.toMatchObject({
      code: "USAGE",
    });
  });

  test("reports which plug-in cannot be loaded", async () => {
    const library = join(folder, "missing.so");
    await expect(
      openNativeRuntime({ provider: plugin(library), device: { provider: "x" } }),
    ).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining(library) as string,
    });
  });
});
