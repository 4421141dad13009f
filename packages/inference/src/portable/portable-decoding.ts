/** Decodes with a portable form, in WebAssembly and without a runtime. */
import type { RuntimeDevice } from "@slm/runtime";
import type { Decoding } from "../load/decoding.js";
import { rowsPerSource } from "../options/model-limits.js";
import { decodeAlone } from "../steps/decode-alone.js";
import { PortableDecoder } from "./portable-decoder.js";
import { PortableParts } from "./portable-parts.js";

export interface PortableOptions {
  /** The WebAssembly module with the kernels: its bytes, or compiled. */
  readonly module: BufferSource | WebAssembly.Module;
  /** Why this engine was chosen, for people: "because ...". Default: the description gives no reason. */
  readonly reason?: string | undefined;
}

/**
 * Opens the portable form of a model. Sources are decoded one after the other; calls may overlap, since each has arenas of its own.
 *
 * @throws SlmError INPUT_MISSING for a missing file; DATA_INVALID for one that is corrupt or belongs to another model
 */
export async function portableDecoding(
  directory: string,
  { module, reason }: PortableOptions,
): Promise<Decoding> {
  const parts = await PortableParts.open(directory, module);
  const { model } = parts.description;
  return {
    ...parts.description,
    device: portableDevice(reason),
    together: "none",
    decode: async (batch, options) => {
      const results = [];
      for (const [row, source] of batch.entries()) {
        const started = performance.now();
        const rows = parts.take(rowsPerSource(options.strategy));
        try {
          const [first] = rows;
          if (parts.hasEncoder) first!.encode(source.ids);
          else first!.rewind(0);
          const prefix = parts.hasEncoder ? [] : source.ids;
          const mayAnswer = parts.mayAnswer(source.ids);
          for (const model of rows) model.restrict(mayAnswer);
          const steps = new PortableDecoder({ models: rows, prefix });
          results.push(await decodeAlone(steps, { model, source, row, prefix, options, started }));
        } finally {
          parts.giveBack(rows);
        }
      }
      return results;
    },
    close: () => Promise.resolve(),
  };
}

/** The device of portable models. @param reason continues "because ..." */
export const portableDevice = (reason?: string): RuntimeDevice => ({
  provider: "wasm",
  threads: 1,
  description: reason === undefined ? "WebAssembly" : `WebAssembly, because ${reason}`,
  simulated: false,
  fallbacks: [],
});
