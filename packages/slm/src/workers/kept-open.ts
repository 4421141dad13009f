/** Keeps a model open from one job to the next, together with its engine or runtime. */

export interface KeptOpen<Settings, Base, Value> {
  /** Returns the value for this key and these settings. If another value is open, it is closed first. */
  get(key: string, settings: Settings): Promise<Opened<Base, Value>>;
}

interface Opened<Base, Value> {
  readonly value: Value;
  readonly base: Base;
}

/** Opens an engine or runtime, runs a callback with it, and closes it. */
type Within<Settings, Base> = (settings: Settings, body: (base: Base) => Promise<void>) => Promise<void>;

interface Held<Base, Value> {
  readonly identity: string;
  readonly opened: Opened<Base, Value>;
  readonly close: () => Promise<void>;
}

/**
 * @param within opens the base with plain settings; the base stays open as long as the value
 * @param open opens the value with the base
 */
export function keptOpen<Settings, Base, Value extends { close(): Promise<void> }>(
  within: Within<Settings, Base>,
  open: (key: string, base: Base, settings: Settings) => Promise<Value>,
): KeptOpen<Settings, Base, Value> {
  let held: Held<Base, Value> | undefined;
  return {
    get: async (key, settings) => {
      const identity = JSON.stringify([key, settings]);
      if (held?.identity === identity) return held.opened;
      await held?.close();
      held = undefined;
      held = {
        identity,
        ...(await hold(
          (body) => within(settings, body),
          (base) => open(key, base, settings),
        )),
      };
      return held.opened;
    },
  };
}

/** Opens a value inside `within`, which does not return until the value is closed. */
function hold<Base, Value extends { close(): Promise<void> }>(
  within: (body: (base: Base) => Promise<void>) => Promise<void>,
  open: (base: Base) => Promise<Value>,
): Promise<Omit<Held<Base, Value>, "identity">> {
  return new Promise((resolve, reject) => {
    const ended = within(async (base) => {
      const value = await open(base);
      await new Promise<void>((letGo) => {
        resolve({
          opened: { value, base },
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
