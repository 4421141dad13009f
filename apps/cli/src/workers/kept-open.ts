/** A model that a job process keeps open from one job to the next, with the engine under it. */
import type { Engine, EngineName } from "@slm/tensor";
import { withEngine } from "../compute/open-engine.js";

export interface KeptOpen<Value> {
  /** The open value of this key; that of another key is closed first. */
  get(
    key: string,
    compute: { readonly engine: EngineName; readonly threads: number },
  ): Promise<Opened<Value>>;
}

interface Opened<Value> {
  readonly value: Value;
  readonly engine: Engine;
}

/** @param open called with an engine that stays open as long as the value */
export function keptOpen<Value extends { close(): Promise<void> }>(
  open: (key: string, engine: Engine) => Promise<Value>,
): KeptOpen<Value> {
  let held:
    { readonly key: string; readonly opened: Opened<Value>; readonly close: () => Promise<void> } | undefined;
  return {
    get: async (key, compute) => {
      if (held?.key === key) return held.opened;
      await held?.close();
      held = undefined;
      held = await hold(key, compute, open);
      return held.opened;
    },
  };
}

/** Opens a value inside `withEngine`, which stays until the value is closed. */
function hold<Value extends { close(): Promise<void> }>(
  key: string,
  compute: { readonly engine: EngineName; readonly threads: number },
  open: (key: string, engine: Engine) => Promise<Value>,
): Promise<{ readonly key: string; readonly opened: Opened<Value>; readonly close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const ended = withEngine(compute, async (engine) => {
      const value = await open(key, engine);
      await new Promise<void>((letGo) => {
        resolve({
          key,
          opened: { value, engine },
          close: async () => {
            await value.close();
            letGo();
            await ended;
          },
        });
      });
    });
    ended.catch(reject);
  });
}
