/** `slm worker` with another job process: the file in this folder that SLM_TEST_PROCESS names. */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { redisAddress, runWorker } from "../../packages/extension-workers/dist/index.js";

const text = { type: "string" };
const { values } = parseArgs({
  options: { redis: text, storage: text, scratch: text, threads: text, "takeover-after": text },
});
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
await runWorker({
  redis: redisAddress(values.redis),
  storage: values.storage,
  scratch: values.scratch,
  processFile: join(import.meta.dirname, process.env.SLM_TEST_PROCESS),
  concurrency: 1,
  threads: Number(values.threads),
  takeoverSeconds: Number(values["takeover-after"]),
  allowed: { commands: false, apiKeys: [] },
  insecure: false,
  signal: stop.signal,
  note: (line) => process.stderr.write(`${line}\n`),
});
