import { describe, expect, test } from "vitest";
import { redisAddress, requireRedis } from "./redis-address.js";

describe(redisAddress, () => {
  test("reads host, port, database and TLS, and shows neither user nor password", () => {
    const { shown, options } = redisAddress("rediss://worker:se%40cret@queue.example:6380/2", {});
    expect(shown).toBe("rediss://queue.example:6380/2");
    expect(options).toMatchObject({
      host: "queue.example",
      port: 6380,
      db: 2,
      username: "worker",
      password: "se@cret",
      tls: { servername: "queue.example" },
    });
  });

  test("takes a password from the environment where the address has none", () => {
    const environment = { SLM_REDIS_PASSWORD: "from-environment" };
    expect(redisAddress("redis://localhost", environment).options.password).toBe("from-environment");
    expect(redisAddress("redis://:own@localhost", environment).options.password).toBe("own");
    const { options } = redisAddress("redis://[::1]:7000", {});
    expect(options).toMatchObject({ host: "::1", port: 7000, db: 0 });
    expect(options).not.toHaveProperty("password");
    expect(options).not.toHaveProperty("tls");
  });

  test.each(["http://user:se-cret@host", "redis://user:se-cret@host/db/1", "se-cret", "redis:///0"])(
    "rejects %s without repeating it",
    (url) => {
      expect(() => redisAddress(url, {})).toThrow(
        expect.objectContaining({
          code: "USAGE",
          message: expect.not.stringContaining("se-cret") as string,
        }) as Error,
      );
    },
  );
});

describe(requireRedis, () => {
  test("says that nobody answers", async () => {
    await expect(requireRedis(redisAddress("redis://127.0.0.1:1", {}))).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining("redis://127.0.0.1:1: Redis does not answer") as string,
    });
  });
});
