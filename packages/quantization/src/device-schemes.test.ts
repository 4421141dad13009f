import { describe, expect, test } from "vitest";
import { checkDeviceScheme, schemesTaken } from "./device-schemes.js";
import { SCHEME_NAMES } from "./schemes.js";

const isTaken = (
  target: string,
  profile: string | undefined,
  scheme: (typeof SCHEME_NAMES)[number],
): boolean => {
  try {
    checkDeviceScheme({ target, ...(profile === undefined ? {} : { profile }) }, scheme, "model");
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "OP_UNSUPPORTED" });
    return false;
  }
};

describe(checkDeviceScheme, () => {
  test.each([
    ["cpu", "onnxruntime", SCHEME_NAMES],
    ["cpu", undefined, SCHEME_NAMES],
    ["gpu", "cuda", ["int8-block", "int4-block"]],
    ["gpu", "coreml", []],
    ["web", "browser", ["cpu", "int8-dynamic", "int8-block", "int4-block"]],
    ["npu", "qnn", ["int8-qdq", "a8w8", "a16w8", "a16w4"]],
    ["npu", "openvino", ["int8-qdq", "a8w8", "a16w8", "a16w4"]],
    ["npu", "vitisai", ["int8-qdq"]],
    ["npu", "coreml", []],
    ["npu", "unheard-of", []],
    ["toaster", undefined, []],
  ] as const)("target %s, profile %s takes %j", (target, profile, schemes) => {
    expect(SCHEME_NAMES.filter((scheme) => isTaken(target, profile, scheme))).toEqual(
      SCHEME_NAMES.filter((scheme) => (schemes as readonly string[]).includes(scheme)),
    );
    expect(profile === undefined ? schemes : schemesTaken(target, profile)).toEqual(schemes);
  });
});
