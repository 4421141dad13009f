/** Keeps a model open from one job to the next, together with its engine or runtime. */

export interface KeptOpen<Settings, Base, Value> {
  /** Returns the value for this key. If another key's value is open, it is closed first. */
  get(key: string, settings: Settings): Promise<Opened<Base, Value>>;
}

interface Opened<Base, Value> {
  readonly value: Value;
  readonly base: Base;
}

/** Opens an engine or runtime, runs a callback with it, and closes it. */
type Within<Settings, Base> = (settings: Settings, body: (base: Base) => Promise<void>) => Promise<void>;

interface Held<Base, Value> {
  readonly key: string;
  readonly opened: Opened<Base, Value>;
  readonly close: () => Promise<void>;
}

/**
 * @param within opens the base, which stays open as long as the value
 * @param open opens the value with the base
 */
export function keptOpen<Settings, Base, Value extends { close(): Promise<void> }>(
  within: Within<Settings, Base>,
  open: (key: string, base: Base) => Promise<Value>,
): KeptOpen<Settings, Base, Value> {
  let held: Held<Base, Value> | undefined;
  return {
    get: async (key, settings) => {
      if (held?.key === key) return held.opened;
      await held?.close();
      held = undefined;
      held = await hold(key, (body) => within(settings, body), open);
      return held.opened;
    },
  };
}

/** Opens a value inside `within`, which does not return until the value is closed. */
function hold<Base, Value extends { close(): Promise<void> }>(
  key: string,
  within: (body: (base: Base) => Promise<void>) => Promise<void>,
  open: (key: string, base: Base) => Promise<Value>,
): Promise<Held<Base, Value>> {
  return new Promise((resolve, reject) => {
    const ended = within(async (base) => {
      const value = await open(key, base);
      await new Promise<void>((letGo) => {
        resolve({
          key,
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
