import { StateCache } from "./state-cache.js";
import type { CacheShape, TextCache } from "./text-cache.js";
import { WindowCache } from "./window-cache.js";

/** An empty cache of the kind that the model's decoder reads. */
export const openTextCache = (model: CacheShape, window: number): TextCache =>
  model.stateWidth === undefined ? new WindowCache(model, window) : new StateCache(model, window);
