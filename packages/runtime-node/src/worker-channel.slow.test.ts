import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { openWorkerChannel } from "./worker-channel.js";

const scriptUrl = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(source)}`);

describe(openWorkerChannel, () => {
  test.each([
    ["throws", "setTimeout(() => { throw new Error('boom'); }, 20)", "failed: boom"],
    ["exits", "setTimeout(() => process.exit(3), 20)", "ended with code 3"],
    ["cannot start", "import 'no-such-package'", "failed:"],
  ])("rejects every call once the worker %s", async (_, source, message) => {
    const channel = openWorkerChannel(scriptUrl(source));
    const pending = [channel.call("peakMemory", null), channel.call("download", { id: 1 })];
    const rejected = {
      name: "SlmError",
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining(message) as string,
    };
    for (const call of pending) await expect(call).rejects.toMatchObject(rejected);
    await expect(channel.call("peakMemory", null)).rejects.toMatchObject(rejected);
    await channel.close();
  });

  test("an idle worker lets the process end, a working one does not", async () => {
    const entry = new URL("../dist/index.js", import.meta.url).href;
    // Nothing is awaited at the top level: only the pending call keeps the process alive until the answer is printed.
    const program = `
      import { createCpuRuntime } from ${JSON.stringify(entry)};
      createCpuRuntime({ threads: 1 }).then((runtime) => runtime.peakMemoryBytes()).then((bytes) => {
        process.stdout.write(bytes > 0 ? "answered" : "no");
      });`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        timeout: 120_000,
      },
    );
    expect(stdout).toBe("answered");
  });
});
