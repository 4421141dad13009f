/** Checks whether a model and layout support a shortlist and draft rules, which an export learns from training rows. */
import { SlmError } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { ExportConfig } from "./export-config.js";
import type { ExportLayout } from "./layouts.js";
import { selectDevice, type Device } from "./profiles.js";

/**
 * Checks both settings before there is a checkpoint.
 *
 * @throws SlmError OP_UNSUPPORTED if the export cannot have the requested lists
 */
export function checkRowSettings(config: ModelConfig, settings: ExportConfig): void {
  const { layout, shortlist, draftRules } = settings;
  if (shortlist) checkShortlist(config, { device: selectDevice(settings), layout });
  if (draftRules) checkDraftRules(config, layout);
}

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

/** @throws SlmError OP_UNSUPPORTED for a decoder-only model, and for a layout that cannot store rules */
export function checkDraftRules({ architecture }: ModelConfig, layout: ExportLayout): void {
  const what =
    architecture === "decoder-only"
      ? "a decoder-only model"
      : layout === "native"
        ? undefined
        : `layout ${layout}`;
  if (what === undefined) return;
  throw new SlmError("OP_UNSUPPORTED", `export: ${what} cannot have draft rules`, {
    suggestions: ["remove --draft-rules, or export.draftRules in a recipe"],
  });
}
