/** Executes runs that are controlled by a loop, next to the session. Every host uses it. */
import type { HostTensor } from "../tensors/host-tensor.js";
import type { LoopBody } from "../runtime.js";
import type { PositionalRepeat, RepeatedResult } from "./protocol.js";

/**
 * Executes one run for each requested result, until the loop ends or the request is stopped.
 *
 * @param inputNames names of the graph's inputs, in its order
 * @param run executes a run after replacing these inputs, by position, and appends from `at` on
 */
export async function* runLoop(
  { body, options, feeds, append, stop }: PositionalRepeat,
  inputNames: readonly string[],
  run: (
    changed: readonly (readonly [input: number, tensor: HostTensor])[],
    at: readonly number[],
  ) => Promise<readonly HostTensor[]>,
): AsyncGenerator<RepeatedResult, undefined> {
  const given = feeds.flatMap((feed, at) =>
    typeof feed === "number" ? [] : [[inputNames[at]!, feed] as const],
  );
  let fetched: readonly HostTensor[] = [];
  const steer = await body();
  const runs = steer(
    async (changed, moved) => {
      const inputs = Object.entries(changed).map(
        ([name, tensor]) => [inputNames.indexOf(name), tensor] as const,
      );
      fetched = await run(
        inputs,
        append.at.map((first) => first + moved),
      );
      return fetched;
    },
    { feeds: Object.fromEntries(given), options },
  );
  while (Atomics.load(stop, 0) === 0) {
    const { done } = await runs.next();
    if (done === true) return;
    yield { fetched, at: performance.timeOrigin + performance.now() };
  }
}

/** The body of a loop from its compiled module. @param url `RunLoop.module` of the same release */
export async function loopBody(url: string): Promise<LoopBody> {
  const { loop } = (await import(url)) as { readonly loop: LoopBody };
  return loop;
}
