/** Tests teacher APIs over a network that refuses, cuts, ends, stalls, corrupts, reorders, repeats and slows down data. */
import { SlmError } from "@slm/core";
import { drawFaults, startFaultProxy } from "@slm/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { ApiFixture } from "../test-support/api-fixture.test-support.js";

const fixture = new ApiFixture();

test("180 sources are labelled over a bad network, or end with an error that is not a bug", async () => {
  const { port } = new URL(fixture.api.baseUrl);
  const proxy = await startFaultProxy(Number(port));
  onTestFinished(() => proxy.close());
  const baseUrl = fixture.api.baseUrl.replace(port, String(proxy.port));
  const counts = new Map<string, number>();
  for (const [index, fault] of drawFaults(180, 4, 400).entries()) {
    await proxy.arm(fault);
    const ended = await fixture.label([`source ${index}`], { baseUrl }, { silenceMs: 300, retries: 0 }).then(
      () => "done",
      (error: unknown) => {
        if (error instanceof SlmError && error.code !== "UNEXPECTED") return error.code;
        throw new Error(`${fault.kind} at byte ${fault.at} would be called a bug`, { cause: error });
      },
    );
    counts.set(ended, (counts.get(ended) ?? 0) + 1);
  }
  expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(180);
  expect(counts.get("done")).toBeGreaterThan(20);
  expect(counts.get("DEVICE_UNAVAILABLE")).toBeGreaterThan(20);
}, 300_000);
