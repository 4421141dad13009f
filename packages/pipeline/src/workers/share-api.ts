/** The state shared by workers that use the same server: its rate limit and the run's budget in Redis, its answers in shared storage. */
import { hashJson } from "@slm/core";
import { budgetExceeded, sharedAnswers, type ApiSharing } from "@slm/labelling";
import type { DirectoryStore, RedisAddress, SharedRequestLimits } from "@slm/extension-workers";

export interface SharedApi {
  readonly sharing: ApiSharing;
  /** Deletes the run's budget after its end. */
  readonly forget: () => Promise<void>;
  readonly close: () => void;
}

/** @param run name of the run with the budget */
export async function shareApi(redis: RedisAddress, store: DirectoryStore, run: string): Promise<SharedApi> {
  const workers = await import("@slm/extension-workers");
  const opened: SharedRequestLimits[] = [];
  const sharing: ApiSharing = (file) => {
    const { baseUrl, model } = file.request;
    const { budget } = file.limits;
    const server = hashJson({ baseUrl, model }).slice(0, 32);
    const limits = new workers.SharedRequestLimits(redis, { server, run }, budget);
    opened.push(limits);
    const spent = (): ReturnType<ApiSharing>["budget"]["spent"] => {
      const { requests, input, output } = limits.spent;
      return { requests, tokens: input + output };
    };
    return {
      answers: sharedAnswers(store, file),
      pace: {
        pause: (ms) => void limits.pause(ms).catch(() => undefined), // Without it, each machine applies the rate limit separately.
        start: (signal) => limits.start(signal),
      },
      budget: {
        get spent() {
          return spent();
        },
        count: (usage, key) => limits.count(key, usage),
        reserve: async (bound, key) => {
          const reserved = await limits.reserve(bound);
          if (reserved === undefined) throw budgetExceeded(budget, spent(), bound);
          return (usage) => limits.settle(reserved, key, usage);
        },
      },
    };
  };
  return {
    sharing,
    forget: () => workers.forgetBudget(redis, run),
    close: () => {
      for (const limits of opened) limits.close();
    },
  };
}
