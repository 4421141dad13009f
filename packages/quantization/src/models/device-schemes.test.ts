import { type ProfileName, type Target } from "@slm/devices";
import { describe, expect, test } from "vitest";
import { checkDeviceScheme } from "./device-schemes.js";

describe(checkDeviceScheme, () => {
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
      code: "OP_UNSUPPORTED",
      suggestions: ["slm export CHECKPOINT --target npu --profile coreml --precision float16"],
    });
  });
});
