/** Checks whether an export can have a shortlist, which is collected from training rows. */
import { SlmError } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { ExportLayout } from "./layouts.js";
import type { Device } from "./profiles.js";

/** @throws SlmError OP_UNSUPPORTED if the decoder is not a separate graph, has static shapes, or also reads the source. */
export function checkShortlist(
  { architecture }: ModelConfig,
  { device, layout }: { readonly device: Device; readonly layout: ExportLayout },
): void {
  const reject = (what: string): never => {
    throw new SlmError("OP_UNSUPPORTED", `export: ${what} cannot have a shortlist of tokens`, {
      suggestions: ["export an encoder-decoder for target cpu, gpu or web in layout native"],
    });
  };
  if (architecture === "decoder-only")
    reject("a decoder-only model, which reads source and target with one embedding table,");
  if (layout !== "native") reject(`layout ${layout}`);
  if (device.shapes === "static") reject(`target ${device.target}`);
}
