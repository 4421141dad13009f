/** Checks what trains, what the graphs are for, and what compiles them. */
import { checkCompiler, compileConfig } from "@slm/compilation";
import { SlmError } from "@slm/core/errors";
import { distillConfig, type DistillConfig } from "@slm/distillation";
import { deviceOf } from "@slm/devices/table";
import { visionOf } from "@slm/model";
import { exportConfig, planGraphsOf } from "@slm/onnx-export";
import { checkDeviceScheme } from "@slm/quantization";
import { withEngine } from "../compute/open-engine.js";
import { plannedStudentConfig } from "../estimates/training-estimate.js";
import { quantizeSection } from "../stages/quantize-stage.js";
import type { CheckRequest } from "./check.js";

/** The engine that trains is on this machine. @throws SlmError DEVICE_UNAVAILABLE */
export async function checkEngine({ compute }: CheckRequest): Promise<void> {
  // The default engine is part of the product.
  if (compute.engine !== "onnx") await withEngine(compute, () => Promise.resolve());
}

/**
 * The student has a shape, and the export takes it: its graphs are recorded, with weights that have sizes and no content. A student whose
 * shape is not known yet is left to its stage.
 *
 * @throws SlmError CONFIG_INVALID for sizes that do not fit together, OP_UNSUPPORTED or USAGE for what the device cannot compute
 */
export async function checkStudent({ sections, artifacts, compute, running }: CheckRequest): Promise<void> {
  if (sections.distill === undefined) return;
  const settings = distillConfig.parse(sections.distill);
  const config = await aboutStudent("has a shape that cannot be built", settings, () =>
    plannedStudentConfig({ settings, sections, artifacts, compute }),
  );
  if (config === undefined || !running.includes("export")) return;
  const choice = exportConfig.parse(sections.export ?? {});
  if (visionOf(config)?.prompt !== undefined) return; // Its tokens are part of the graphs, and there is no tokenizer yet.
  await aboutStudent(`cannot be exported for target ${choice.target}, so it is not trained`, settings, () =>
    Promise.resolve(planGraphsOf({ config, encodeSource: () => [] }, { ...choice, parityLimit: undefined })),
  );
}

/** Says of an error that it is about the student's settings. */
async function aboutStudent<Result>(
  problem: string,
  { student }: DistillConfig,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    throw new SlmError(error.code, `distill.student ${problem}: ${error.message}`, {
      context: { ...error.context, student },
      suggestions: [...error.suggestions, "change distill.student, or export.target"],
      cause: error,
    });
  }
}

/** The device takes the schemes. @throws SlmError OP_UNSUPPORTED */
export function checkSchemes({ sections }: CheckRequest): Promise<void> {
  const device = exportConfig.parse(sections.export ?? {});
  for (const scheme of quantizeSection.parse(sections.quantize).schemes)
    checkDeviceScheme(device, scheme, "the model");
  return Promise.resolve();
}

/** The device has a compiler, which is on this machine and knows the chips. @throws SlmError OP_UNSUPPORTED, USAGE, DEVICE_UNAVAILABLE */
export async function checkChips({ sections }: CheckRequest): Promise<void> {
  const { target, profile } = exportConfig.parse(sections.export ?? {});
  const { socs } = compileConfig.parse(sections.compile);
  await checkCompiler({ target, profile: profile ?? deviceOf("compile", target).profile }, socs, "the model");
}
