/** Tests a server through a proxy that refuses, cuts, ends, stalls, corrupts, reorders, repeats and delays requests and responses. */
import { drawFaults, startFaultProxy, temporaryFolder } from "@slm/core/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMemoryModel, writeMemoryModel } from "../memory-model.test-support.js";
import { serveConfig } from "../serve-config.js";
import { startServer, type RunningServer } from "./start-server.js";

const directory = temporaryFolder();
let server: RunningServer;
const failures: unknown[] = [];
beforeAll(async () => {
  await writeMemoryModel(directory);
  server = await startServer({
    config: serveConfig.parse({ port: 0, drainSeconds: 1 }),
    bundle: directory,
    openEngine: () => Promise.resolve(createMemoryModel()),
    onFailure: (error) => failures.push(error),
  });
});
afterAll(() => server.stop());

/** Status of one request; "broken" without an answer. */
async function statusOf(url: string, isStream: boolean): Promise<number | "broken"> {
  try {
    const response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        prompt: ["abcdef", "b"].slice(0, isStream ? 1 : 2),
        stream: isStream,
        max_tokens: 8,
      }),
      signal: AbortSignal.timeout(300),
    });
    await response.text();
    return response.status;
  } catch {
    return "broken";
  }
}

test.each([
  ["requests", 350],
  ["answers", 500],
] as const)(
  "corrupt %s: no answer of 500, nothing that the server calls a failure, and the next client gets its answer",
  async (harmed, bytes) => {
    const proxy = await startFaultProxy(Number(new URL(server.url).port), harmed);
    const statuses = new Map<number | "broken", number>();
    for (const [index, fault] of drawFaults(270, 5, bytes).entries()) {
      await proxy.arm(fault);
      const status = await statusOf(`http://127.0.0.1:${proxy.port}`, index % 2 === 0);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    await proxy.close();
    const known = [...statuses.keys()].filter((status) => status !== "broken");
    expect(statuses.get("broken")).toBeGreaterThan(20);
    expect(statuses.get(200)).toBeGreaterThan(20);
    // A corrupt answer may have any status, so count the statuses that the server sent.
    if (harmed === "requests") expect(known.filter((status) => status >= 500)).toEqual([]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).not.toMatch(/status="5\d\d"/u);
    expect(failures).toEqual([]);
    expect(await statusOf(server.url, false)).toBe(200);
  },
  300_000,
);
