import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { KNOWN_NAMES, ONNX_RUNTIME_VERSION, knownByPackage, knownPlugin } from "./known.js";
import { DEVICE_IDS, PLUGIN_NAME, PLUGIN_VERSION } from "./plugin.js";

describe("the table of known plug-ins", () => {
  test("has the version of ONNX Runtime that is installed", () => {
    const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as {
      version: string;
    };
    expect(ONNX_RUNTIME_VERSION).toBe(version);
  });

  test.each(KNOWN_NAMES)(
    "%s has names and versions that can be folders, and devices of the table",
    (name) => {
      const { version, serves, tried, platforms, preload, aliases } = knownPlugin(name);
      expect(name).toMatch(PLUGIN_NAME);
      expect(version).toMatch(PLUGIN_VERSION);
      for (const device of serves) expect(DEVICE_IDS).toContain(device);
      for (const one of tried) expect(platforms).toContain(one.platform);
      // The library to load first has a name that the package may not contain.
      for (const file of preload) expect(Object.keys(aliases)).toContain(file);
    },
  );

  test("finds a plug-in by its package's name on PyPI, however it is spelt", () => {
    expect(["onnxruntime-qnn", "onnxruntime_qnn", "Onnxruntime.QNN"].map(knownByPackage)).toEqual([
      "qnn",
      "qnn",
      "qnn",
    ]);
    expect(knownByPackage("onnxruntime")).toBeUndefined();
    expect(knownByPackage("openvino")).toBeUndefined();
  });
});
