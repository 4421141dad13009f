/** Where settings come from, strongest first: `--set` flags, `SLM_*` environment variables, the recipe. */
import type { Origin } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { parse } from "yaml";
import { depthOf, dotted, mergeMappings, nest, type KeyPath, type Mapping } from "./mapping.js";
import { nearest } from "@slm/core/edit-distance";
import type { RecipeFile } from "./recipe-file.js";

export interface Layer {
  readonly origin: Origin;
  readonly value: Mapping;
  /** Names the origin of the value at a path, for errors. */
  readonly locate: (path: KeyPath) => string;
}

/** Environment variables for keys outside sections. */
const RECIPE_VARIABLES: Readonly<Record<string, string>> = {
  SLM_SEED: "seed",
  SLM_DEVICE: "device",
  SLM_THREADS: "threads",
};

/** A key. The section of a further target contains the target's name: `export@npu`. */
const KEY = /^[A-Za-z][A-Za-z0-9]*(?:@[a-z][a-z0-9-]*)?$/;

export function recipeLayer(file: RecipeFile): Layer {
  return { origin: "recipe", value: file.value, locate: file.locate };
}

/**
 * Layers of `--set path=value` flags. Values are YAML: numbers, booleans and `[1, 2]` work. `null` turns a section off, and resets
 * any other setting to its default.
 *
 * @throws SlmError USAGE
 */
export function flagLayers(sets: readonly string[]): readonly Layer[] {
  return sets.map((text): Layer => {
    const split = text.indexOf("=");
    const path = text.slice(0, Math.max(0, split)).split(".");
    if (split < 1 || !path.every((key) => KEY.test(key))) {
      throw new SlmError("USAGE", `--set ${text}: expected section.key=value`, {
        suggestions: ["--set distill.steps=500"],
      });
    }
    const written = text.slice(split + 1);
    const value = settingAt(
      path,
      // As in a recipe, a section without a value is empty, and null turns it off.
      path.length === 1 && written === "" ? "{}" : written,
      (reason) => new SlmError("USAGE", `--set ${text}: not a YAML value: ${reason}`),
    );
    return { origin: "flag", value, locate: () => `--set ${text}` };
  });
}

/**
 * Layers of environment variables: `SLM_DISTILL__BATCH_SIZE=32` sets `distill.batchSize`, `SLM_SEED=7` sets `seed`,
 * `SLM_DEVICE=gpu:cuda` the training device, and `SLM_THREADS=2` the threads.
 *
 * @throws SlmError CONFIG_INVALID for a variable with an unknown section, because a misspelt variable must not be ignored
 */
export function environmentLayers(
  environment: Readonly<Record<string, string | undefined>>,
  sections: readonly string[],
  platform: NodeJS.Platform = process.platform,
): readonly Layer[] {
  const layers: Layer[] = [];
  for (const [name, text] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    // Windows ignores the case of names but lists each as it was first written.
    const path = environmentPath(platform === "win32" ? name.toUpperCase() : name);
    if (path === undefined || text === undefined) continue;
    const [section] = path;
    if (path.length > 1 && section !== undefined && !sections.includes(section)) {
      const guess = nearest(section, sections);
      throw new SlmError(
        "CONFIG_INVALID",
        `environment variable ${name}: no section '${section}'${didYouMean(guess)}`,
        {
          context: { variable: name, sections },
        },
      );
    }
    const value = settingAt(
      path,
      text,
      (reason) =>
        new SlmError("CONFIG_INVALID", `environment variable ${name}: not a YAML value: ${reason}`, {
          context: { variable: name },
        }),
    );
    layers.push({ origin: "env", value, locate: () => `environment variable ${name}` });
  }
  return layers;
}

/** "; did you mean 'x'?", or an empty text. */
export function didYouMean(guess: string | undefined): string {
  return guess === undefined ? "" : `; did you mean '${guess}'?`;
}

/** All layers merged, and the layer of each value. */
export class LayerStack {
  readonly value: Mapping;
  readonly #strongestFirst: readonly Layer[];

  /** @param layers weakest first; of two flags for the same key the later one wins */
  constructor(layers: readonly Layer[]) {
    this.value = layers.reduce<Mapping>((merged, layer) => mergeMappings(merged, layer.value), {});
    this.#strongestFirst = layers.toReversed();
  }

  originOf(path: KeyPath): Origin {
    return this.#strongestFirst.find((layer) => depthOf(layer.value, path).decides)?.origin ?? "default";
  }

  /** The layer to name in an error at a path: the layer that sets the value, or the closest one. */
  locate(path: KeyPath): string {
    let best: { readonly layer: Layer; readonly depth: number } | undefined;
    for (const layer of this.#strongestFirst) {
      const { depth, decides } = depthOf(layer.value, path);
      if (decides) return layer.locate(path);
      if (depth > (best?.depth ?? 0)) best = { layer, depth };
    }
    const file = this.#strongestFirst.find(({ origin }) => origin === "recipe");
    return (best?.layer ?? file)?.locate(path) ?? `recipe: ${dotted(path)}`;
  }
}

function environmentPath(name: string): readonly string[] | undefined {
  const field = RECIPE_VARIABLES[name];
  if (field !== undefined) return [field];
  if (!/^SLM_[A-Z][A-Z0-9_]*__[A-Z0-9_]*[A-Z0-9]$/.test(name)) return undefined;
  return name.slice("SLM_".length).split("__").map(camelCase);
}

function camelCase(snake: string): string {
  return snake.toLowerCase().replaceAll(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

/**
 * The mapping that sets a path to the value of a YAML text. `null` inside a section becomes undefined, so that merging removes the
 * setting and its default applies. An empty text does not reset it, because it may come from a variable that is not set.
 */
function settingAt(path: readonly string[], text: string, failure: (reason: string) => SlmError): Mapping {
  try {
    const isReset = path.length > 1 && ["null", "~"].includes(text.trim());
    return nest(path, isReset ? undefined : (parse(text) as unknown));
  } catch (error) {
    throw failure(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
}
