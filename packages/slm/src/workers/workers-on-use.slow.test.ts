import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Modules of the built library that refer to workers. */
const MODULES = [new URL("../../dist/index.js", import.meta.url).href, "@slm/pipeline/workers/cache-workers"];

/** Prints the result of `workersOf`, and whether a Redis client is loaded, without and with an address. */
const PROGRAM = `
import { createRequire } from "node:module";
const { cache } = createRequire(import.meta.url);
const isLoaded = () => Object.keys(cache).some((path) => /node_modules.(bullmq|ioredis)/u.test(path));
for (const module of ${JSON.stringify(MODULES)}) await import(module);
const { workersOf } = await import("@slm/pipeline/workers/workers-address");
const note = () => undefined;
const print = (workers) => console.log(JSON.stringify({ workers: workers ?? null, isLoaded: isLoaded() }));
print(await workersOf({}, note));
print(await workersOf({ workers: "redis://127.0.0.1", storage: "shared" }, note));
`;

test("BullMQ and its clients are loaded only if workers are requested", () => {
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
    env: { ...process.env, SLM_WORKER_KEY: "0".repeat(32) },
  });
  const [without, asked] = printed
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(without).toEqual({ workers: null, isLoaded: false });
  expect(asked).toMatchObject({
    workers: { redis: { shown: "redis://127.0.0.1:6379" }, storage: "shared", key: "0".repeat(32) },
    isLoaded: true,
  });
});
