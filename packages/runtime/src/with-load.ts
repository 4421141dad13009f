/** Replaces the `load` method of a runtime. */
import type { Runtime } from "./runtime.js";

/** The same runtime with another `load` method. */
export function withLoad(runtime: Runtime, load: Runtime["load"]): Runtime {
  return {
    device: runtime.device,
    load,
    upload: (tensor) => runtime.upload(tensor),
    download: (tensor) => runtime.download(tensor),
    permuteRows: (target, rows) => runtime.permuteRows(target, rows),
    release: (tensors) => runtime.release(tensors),
    peakMemoryBytes: () => runtime.peakMemoryBytes(),
    close: () => runtime.close(),
  };
}
