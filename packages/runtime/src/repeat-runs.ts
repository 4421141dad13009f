/** Executes runs that are controlled by a loop, in the caller's thread. */
import type { HostTensor } from "./tensors/host-tensor.js";
import type { DeviceTensor, RepeatRequest, RepeatedRun, Session } from "./runtime.js";

/** The host tensors among inputs. */
const hostFeeds = (feeds: RepeatRequest["feeds"]): Readonly<Record<string, HostTensor>> =>
  Object.fromEntries(Object.entries(feeds).filter((feed): feed is [string, HostTensor] => isHost(feed[1])));

const isHost = (value: HostTensor | DeviceTensor): value is HostTensor => "data" in value;

/** {@link Session.repeat} for runtimes that run in the caller's thread, as a loop over `run`. */
export async function* repeatRuns(
  session: Pick<Session, "run">,
  { feeds, into, append, fetch, loop, options, signal }: RepeatRequest,
): AsyncGenerator<RepeatedRun, undefined> {
  let fetched: RepeatedRun["fetched"] = {};
  const runs = loop.body(
    async (changed, moved) => {
      const at = append?.at.map((first) => first + moved) ?? [];
      const run = { feeds: { ...feeds, ...changed }, fetch, into, append: append && { ...append, at } };
      ({ fetched } = await session.run(run));
      return fetch.map((name) => fetched[name]!);
    },
    { feeds: hostFeeds(feeds), options },
  );
  while (signal?.aborted !== true) {
    const { done } = await runs.next();
    if (done === true) return;
    yield { fetched, at: performance.now() };
  }
}
