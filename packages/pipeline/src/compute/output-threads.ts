/** A thread pool for quantizing weights, for the duration of a callback. */
import { openOutputThreads, type OutputThreads } from "@slm/quantization";
import { availableParallelism } from "node:os";

/** Runs `body` with a thread pool, and stops the pool afterwards, also after an error. @param count default: one per CPU */
export async function withOutputThreads<Result>(
  count: number | undefined,
  body: (run: OutputThreads["run"]) => Promise<Result>,
): Promise<Result> {
  const threads = openOutputThreads(count ?? availableParallelism());
  try {
    return await body(threads.run);
  } finally {
    await threads.close();
  }
}
