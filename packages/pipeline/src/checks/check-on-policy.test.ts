import { describe, expect, test } from "vitest";
import { tinyRecipe } from "../testing/tiny-run.js";
import { checkOnPolicy } from "./check-on-policy.js";

const { distill, teacher } = tinyRecipe("data");
const given = (
  onPolicyFraction: number,
  changes: object = {},
): { readonly sections: Readonly<Record<string, unknown>> } => ({
  sections: { teacher, distill: { ...distill, targets: { onPolicyFraction } }, ...changes },
});

/** What the check throws. */
function thrown(request: ReturnType<typeof given>): unknown {
  try {
    checkOnPolicy(request);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe(checkOnPolicy, () => {
  test.each([
    ["no batch is on-policy", given(0, { cache: {}, teacher: { kind: "command", command: ["true"] } })],
    ["some batches read the cache", given(0.5, { cache: {} })],
    ["all batches are on-policy, without a cache", given(1)],
    ["no student is trained", { sections: { teacher, cache: {} } }],
  ])("passes if %s", (_case, request) => {
    expect(thrown(request)).toBeUndefined();
  });

  test.each([
    ["a cache that no batch reads", given(1, { cache: {} }), "section cache"],
    [
      "a program as teacher",
      given(0.5, { teacher: { kind: "command", command: ["true"] } }),
      "teacher.kind command, which only labels sources",
    ],
  ])("rejects %s", (_case, request, message) => {
    expect(thrown(request)).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(message) as string,
    });
  });
});
