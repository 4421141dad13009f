import { describe, expect, test } from "vitest";
import { describeWebAdapter, findWebAdapter } from "./web-adapter.js";

type Gpu = NonNullable<Parameters<typeof findWebAdapter>[0]>;

/** As Chromium 156 reports its software adapter. */
const swiftshader = {
  vendor: "google",
  architecture: "swiftshader",
  description: "",
  isFallbackAdapter: true,
};

const browser = (info: typeof swiftshader, ...features: readonly string[]): Gpu => ({
  gpu: { requestAdapter: () => Promise.resolve({ info, features: new Set(features) }) },
});

describe(findWebAdapter, () => {
  test("distinguishes software from a GPU, and reports float16 support", async () => {
    const software = await findWebAdapter(browser(swiftshader, "subgroups"));
    expect(software).toEqual({ name: "google swiftshader", isSoftware: true, hasFloat16: false });
    expect(describeWebAdapter(software!)).toBe("google swiftshader (software adapter)");
    const info = {
      vendor: "nvidia",
      architecture: "ada-lovelace",
      description: "",
      isFallbackAdapter: false,
    };
    const gpu = await findWebAdapter(browser(info, "shader-f16"));
    expect(gpu).toEqual({ name: "nvidia ada-lovelace", isSoftware: false, hasFloat16: true });
    expect(describeWebAdapter(gpu!)).toBe("nvidia ada-lovelace");
  });

  test("prefers the driver's own description, and has a name for an adapter without one", async () => {
    const named = { ...swiftshader, description: "SwiftShader Device" };
    expect((await findWebAdapter(browser(named)))?.name).toBe("SwiftShader Device");
    const blank = { ...swiftshader, vendor: "", architecture: "" };
    expect((await findWebAdapter(browser(blank)))?.name).toBe("an adapter without a name");
  });

  test("finds none without WebGPU, without an adapter, or after an error", async () => {
    expect(await findWebAdapter({})).toBeUndefined();
    expect(await findWebAdapter({ gpu: { requestAdapter: () => Promise.resolve(null) } })).toBeUndefined();
    expect(
      await findWebAdapter({ gpu: { requestAdapter: () => Promise.reject(new Error("no")) } }),
    ).toBeUndefined();
  });
});
