/** A temporary folder for plug-ins, new for every test. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { addPlugin, type AddPluginOptions, type AddedPlugin } from "./add-plugin.js";
import { writeWheel, type WheelOptions } from "./test-packages.test-support.js";

export interface TestStore {
  /** A path in the temporary folder. */
  readonly at: (name: string) => string;
  /** The folder of plug-ins. */
  readonly store: () => string;
  /** Adds a package from the temporary folder and accepts its licence. */
  readonly add: (source: string, options?: Partial<AddPluginOptions>) => Promise<AddedPlugin>;
  /** Writes `plugin.whl` and adds it. */
  readonly addWheel: (wheel?: WheelOptions, options?: Partial<AddPluginOptions>) => Promise<AddedPlugin>;
  /** Names in the folder of plug-ins, without lock files. */
  readonly stored: () => Promise<readonly string[]>;
}

export function useTestStore(): TestStore {
  const root = temporaryFolder({ each: true });
  const at = (name: string): string => join(root, name);
  const store = (): string => at("plugins");
  const add: TestStore["add"] = (source, options = {}) =>
    addPlugin({ source: at(source), folder: store(), accept: () => Promise.resolve(), ...options });
  return {
    at,
    store,
    add,
    addWheel: async (wheel, options) => {
      await writeWheel(at("plugin.whl"), wheel);
      return add("plugin.whl", options);
    },
    stored: async () => {
      const names = await readdir(store(), { recursive: true }).catch(() => []);
      return names.filter((name) => !name.includes(".lock"));
    },
  };
}
