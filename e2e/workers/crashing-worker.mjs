/** `slm worker` with the job process beside this file. */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { redisAddress, runWorker } from "../../packages/workers/dist/index.js";

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
  processFile: fileURLToPath(new URL("crashing-process.mjs", import.meta.url)),
  concurrency: 1,
  threads: Number(values.threads),
  takeoverSeconds: Number(values["takeover-after"]),
  signal: stop.signal,
  note: (line) => process.stderr.write(`${line}\n`),
});
