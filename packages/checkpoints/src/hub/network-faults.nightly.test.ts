/** Hub models over a network that refuses, cuts, ends, stalls, corrupts, reorders, repeats and drips. */
import { SlmError } from "@slm/core";
import { drawFaults, startFaultProxy } from "@slm/core/testing";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { resolveModel } from "./resolve-model.js";
import { REPO, startFakeHub } from "./testing/fake-hub.test-support.js";

const WEIGHTS = Buffer.alloc(5000, "weights ");
const CONFIG = Buffer.from('{"model_type":"llama"}');

test("180 models over a bad network arrive unchanged, or end with an error that is not a bug", async () => {
  const hub = await startFakeHub({
    "config.json": { content: CONFIG },
    "model.safetensors": { content: WEIGHTS, isLarge: true },
  });
  const proxy = await startFaultProxy(Number(new URL(hub.url).port));
  onTestFinished(() => proxy.close());
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${proxy.port}`);
  vi.stubEnv("HF_HUB_DOWNLOAD_TIMEOUT", "0.3");
  const counts = new Map<string, number>();
  for (const fault of drawFaults(180, 3, 6000)) {
    await rm(hub.cache, { recursive: true, force: true });
    await proxy.arm(fault);
    const ended = await resolveModel(REPO).then(
      async ({ path }) => {
        expect((await readFile(join(path, "model.safetensors"))).equals(WEIGHTS)).toBe(true);
        expect((await readFile(join(path, "config.json"))).equals(CONFIG)).toBe(true);
        return "done";
      },
      (error: unknown) => {
        if (error instanceof SlmError && error.code !== "UNEXPECTED") return error.code;
        throw new Error(`${fault.kind} at byte ${fault.at} would be called a bug`, { cause: error });
      },
    );
    counts.set(ended, (counts.get(ended) ?? 0) + 1);
  }
  expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(180);
  expect(counts.get("done")).toBeGreaterThan(20);
  expect(counts.size).toBeGreaterThan(1);
}, 300_000);
