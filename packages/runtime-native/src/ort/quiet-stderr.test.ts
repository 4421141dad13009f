import { describe, expect, test, vi } from "vitest";
import { quietNativeStderr, type StandardError } from "./quiet-stderr.js";

/** Records the calls, as Windows would answer them. */
function recorded({
  hasHandle = true,
  redirect,
}: { readonly hasHandle?: boolean; readonly redirect?: () => void } = {}) {
  const calls: string[] = [];
  const stderr: StandardError = {
    handle: () => "H",
    setHandle: (handle) => void calls.push(`set ${String(handle)}`),
    protect: (handle, isProtected) => {
      calls.push(`${isProtected ? "protect" : "free"} ${String(handle)}`);
      return hasHandle;
    },
    redirect: () => {
      calls.push("redirect");
      redirect?.();
    },
  };
  return { calls, open: () => stderr };
}

describe(quietNativeStderr, () => {
  test("keeps the handle of Node.js open while the C runtime changes its file", () => {
    const { calls, open } = recorded();
    quietNativeStderr(open);
    expect(calls).toEqual(["protect H", "redirect", "free H", "set H"]);
  });

  test("changes nothing without a standard error, or with SLM_DEBUG", () => {
    const without = recorded({ hasHandle: false });
    quietNativeStderr(without.open);
    expect(without.calls).toEqual(["protect H"]);
    vi.stubEnv("SLM_DEBUG", "1");
    const debugged = recorded();
    quietNativeStderr(debugged.open);
    expect(debugged.calls).toEqual([]);
  });

  test("restores the handle after a failure", () => {
    const redirect = (): void => {
      throw new Error("no NUL");
    };
    const { calls, open } = recorded({ redirect });
    expect(() => {
      quietNativeStderr(open);
    }).toThrow("no NUL");
    expect(calls).toEqual(["protect H", "redirect", "free H", "set H"]);
  });
});
