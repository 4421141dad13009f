import { describe, expect, test } from "vitest";
import { parseApiKey } from "./job-permissions.js";
import { workerKey } from "./job-signature.js";
import { redisAddress } from "./redis-address.js";
import { requireTrust } from "./require-trust.js";

const KEY = "0".repeat(32);

describe(requireTrust, () => {
  const trust = (
    url: string,
    environment: Readonly<Record<string, string>>,
    insecure = false,
  ): { readonly key: string | undefined; readonly notes: readonly string[] } => {
    const notes: string[] = [];
    const note = (text: string): void => void notes.push(text);
    return { key: requireTrust(redisAddress(url, environment), { insecure, note, environment }), notes };
  };

  test.each([
    ["redis://queue.example", { SLM_WORKER_KEY: KEY }, "needs a password"],
    ["redis://10.0.0.1", { SLM_WORKER_KEY: KEY }, "needs a password"],
    ["redis://localhost.example", { SLM_WORKER_KEY: KEY }, "needs a password"],
    ["rediss://:secret@queue.example", {}, "SLM_WORKER_KEY is not set"],
  ])("refuses %s before anything is sent", (url, environment, reason) => {
    expect(() => trust(url, environment)).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining(reason) as string }) as Error,
    );
    expect(trust(url, environment, true).notes).toHaveLength(1);
  });

  test.each(["redis://127.0.0.1", "redis://localhost:7000", "redis://[::1]"])(
    "takes %s without a password, and says that its jobs are not signed",
    (url) => {
      const { key, notes } = trust(url, {});
      expect(key).toBeUndefined();
      expect(notes).toEqual([expect.stringContaining("jobs are not signed")]);
      expect(trust(url, { SLM_WORKER_KEY: KEY })).toEqual({ key: KEY, notes: [] });
    },
  );

  test("takes another machine's with a password and a key", () => {
    const environment = { SLM_WORKER_KEY: KEY, SLM_REDIS_PASSWORD: "secret" };
    expect(trust("redis://queue.example", environment)).toEqual({ key: KEY, notes: [] });
  });
});

describe(workerKey, () => {
  test("of fewer than 32 characters is rejected, with how to make one and without repeating it", () => {
    expect(() => workerKey({ SLM_WORKER_KEY: "se-cret" })).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.not.stringContaining("se-cret") as string,
        suggestions: [expect.stringContaining("openssl rand -hex 32")],
      }) as Error,
    );
  });
});

describe(parseApiKey, () => {
  test("reads a variable and an origin", () => {
    expect(parseApiKey("KEY=https://API.example:443/")).toEqual({
      name: "KEY",
      origin: "https://api.example",
    });
    expect(parseApiKey("KEY=http://127.0.0.1:8080").origin).toBe("http://127.0.0.1:8080");
  });

  test.each([
    "KEY",
    "KEY=",
    "sk-1234=https://a.example",
    "KEY=http://a.example",
    "KEY=https://a.example/v1",
    "KEY=file:///",
  ])("rejects %s without repeating it", (text) => {
    expect(() => parseApiKey(text)).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: expect.not.stringContaining(text) as string,
      }) as Error,
    );
  });
});
