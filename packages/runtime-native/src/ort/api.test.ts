import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { OrtApi } from "./api.js";
import { CHECKED, PLAIN } from "./functions.js";
import { KNOWN_VERSIONS, ortLibrary } from "./library.js";

describe(OrtApi, () => {
  const folder = temporaryFolder();

  test("knows the version of the library that onnxruntime-node brings", () => {
    expect(KNOWN_VERSIONS).toContain(new OrtApi().version);
  });

  test("reports ONNX Runtime's message as an error, and continues", () => {
    const api = new OrtApi();
    const environment = api.pointer("CreateEnv", 4, "test");
    expect(() => {
      api.call("RegisterExecutionProviderLibrary", environment, "none", "/no/such/library.so");
    }).toThrow(/library\.so/);
    expect(api.pointer("CreateRunOptions")).not.toBe(0n);
    api.plain("ReleaseEnv", environment);
  });

  test("keeps its library loaded when garbage is collected", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const api = new OrtApi();
    for (let round = 0; round < 3; round++) {
      collectGarbage();
      // Native handles are released in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    // If the library were unloaded, this call would end the process.
    expect(api.pointer("CreateRunOptions")).not.toBe(0n);
  });

  test("rejects a file that is not a library, by name", async () => {
    const path = join(folder, "no-library.so");
    await writeFile(path, "text");
    expect(() => new OrtApi(path)).toThrow(withCode("DEVICE_UNAVAILABLE"));
    expect(ortLibrary()).toContain("onnxruntime");
  });
});

describe("the table of functions", () => {
  test("has one function at each place", () => {
    const places = Object.values({ ...CHECKED, ...PLAIN }).map(({ at }) => at);
    expect(new Set(places).size).toBe(places.length);
  });
});
