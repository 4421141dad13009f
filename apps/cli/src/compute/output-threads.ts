/** Threads for quantizing weights, for as long as a piece of work lasts. */
import { openOutputThreads, type OutputThreads } from "@slm/quantization";
import { availableParallelism } from "node:os";

/** Runs `body` with threads that are stopped afterwards, whatever happens. @param count default: one per CPU */
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
