import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { ApiFixture, failureOf } from "../test-support/api-fixture.test-support.js";
import { capitals, reject } from "../test-support/fake-api.test-support.js";

const fixture = new ApiFixture();
const KEY = "sk-secret-0123456789";
const KEY_VARIABLE = "SLM_TEST_API_KEY";

describe("the key", () => {
  test("is sent to the server and written nowhere", async () => {
    vi.stubEnv(KEY_VARIABLE, KEY);
    const { told } = await fixture.label(["a"], { apiKeyEnv: KEY_VARIABLE });
    expect(fixture.api.calls[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
    const echoed = await failureOf(
      fixture.label(
        ["b"],
        { apiKeyEnv: KEY_VARIABLE },
        {
          answering: (_, response) => {
            reject(response, 401, { message: `wrong key ${KEY}` });
          },
        },
      ),
    );
    expect(echoed).toMatchObject({ code: "CONFIG_INVALID" });
    expect(echoed.message).toMatch(
      /not authorized with the key of SLM_TEST_API_KEY \(401\) wrong key \(key\)/u,
    );
    const retried = await fixture.label(
      ["c"],
      { apiKeyEnv: KEY_VARIABLE },
      {
        answering: (call, response) => {
          const tries = fixture.api.calls.filter(({ asked }) => asked === "c").length;
          if (tries > 1) return capitals(call, response);
          reject(response, 500, { message: KEY });
          return undefined;
        },
        retries: 1,
      },
    );
    const files = await Promise.all(
      (await readdir(fixture.root, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name), "utf8")),
    );
    const written = [JSON.stringify([told, retried, echoed, echoed.stack, echoed.context]), ...files].join(
      "\n",
    );
    expect(files.length).toBeGreaterThan(1);
    expect(written).toContain(KEY_VARIABLE);
    expect(written).not.toContain(KEY);
  });

  test.each([
    ["is not set", ""],
    ["holds characters that no header can", "two\nlines"],
  ])("whose variable %s is rejected before a request", async (what, value) => {
    vi.stubEnv(KEY_VARIABLE, value);
    const failure = await failureOf(fixture.label(["a"], { apiKeyEnv: KEY_VARIABLE }));
    expect(failure).toMatchObject({ code: "CONFIG_INVALID" });
    expect(failure.message).toContain(what);
    expect(failure.message).not.toContain("lines");
    expect(fixture.api.calls).toEqual([]);
  });

  test.each([
    ["a key in place of a variable's name", { apiKeyEnv: "sk-1234" }],
    ["an address with a password", { baseUrl: "https://me:secret@example.org/v1" }],
    ["a key over a network without encryption", { baseUrl: "http://example.org/v1", apiKeyEnv: "KEY" }],
    ["a file as address", { baseUrl: "file:///etc/passwd" }],
    ["a request field that other settings set", { extra: { stream: true } }],
    ["a budget of money without a price", { budget: { price: 1 } }],
  ])("%s is rejected", (_, changes) => {
    expect(() => fixture.settingsOf(changes)).toThrow();
  });
});
