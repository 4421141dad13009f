import { SCHEME_NAMES, deviceOf, type ProfileName, type SchemeName, type Target } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { checkDeviceScheme } from "./device-schemes.js";

const isTaken = (target: Target, profile: ProfileName | undefined, scheme: SchemeName): boolean => {
  try {
    checkDeviceScheme({ target, profile }, scheme, "model");
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "OP_UNSUPPORTED" });
    return false;
  }
};

describe(checkDeviceScheme, () => {
  test.each([
    ["cpu", "cpu", SCHEME_NAMES],
    ["cpu", undefined, SCHEME_NAMES],
    ["gpu", "cuda", ["int8-block", "int4-block"]],
    ["gpu", "coreml", []],
    ["web", "webgpu", ["cpu", "int8-dynamic", "int8-block", "int4-block"]],
    ["npu", "qnn", ["int8-qdq", "a8w8", "a16w8", "a16w4"]],
    ["npu", "openvino", ["int8-qdq", "a8w8", "a16w8", "a16w4"]],
    ["npu", "vitisai", ["int8-qdq"]],
    ["npu", "coreml", []],
  ] as const)("target %s, profile %s takes %j", (target, profile, schemes) => {
    expect(SCHEME_NAMES.filter((scheme) => isTaken(target, profile, scheme))).toEqual(
      SCHEME_NAMES.filter((scheme) => (schemes as readonly string[]).includes(scheme)),
    );
    expect(deviceOf("test", target, profile).schemes.takes).toEqual(schemes);
  });

  test("suggests the device's usual scheme first, or half precision if no scheme is supported", () => {
    const suggestions = (target: Target, profile: ProfileName): unknown => {
      try {
        checkDeviceScheme({ target, profile }, "cpu", "model");
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(suggestions("npu", "qnn")).toMatchObject({
      suggestions: ["--scheme a16w8", "--scheme int8-qdq", "--scheme a8w8", "--scheme a16w4"],
    });
    expect(suggestions("npu", "coreml")).toMatchObject({
      suggestions: ["slm export CHECKPOINT --target npu --profile coreml --precision float16"],
    });
  });
});
