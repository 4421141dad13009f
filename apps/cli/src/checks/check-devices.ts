/** Checks what trains, what the graphs are for, and what compiles them. */
import { checkCompiler, compileConfig } from "@slm/compilation";
import { distillConfig } from "@slm/distillation";
import { deviceOf } from "@slm/devices/table";
import { visionOf } from "@slm/model";
import { exportConfig, planGraphsOf } from "@slm/onnx-export";
import { checkDeviceScheme } from "@slm/quantization";
import { withEngine } from "../compute/open-engine.js";
import { quantizeSection } from "../stages/quantize-stage.js";
import type { CheckRequest } from "./check.js";
import { aboutStudent, plannedStudent } from "./planned-student.js";

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
export async function checkStudent(request: CheckRequest): Promise<void> {
  const { sections, running } = request;
  const config = await plannedStudent(request);
  if (config === undefined || !running.includes("export")) return;
  const settings = distillConfig.parse(sections.distill);
  const choice = exportConfig.parse(sections.export ?? {});
  if (visionOf(config)?.prompt !== undefined) return; // Its tokens are part of the graphs, and there is no tokenizer yet.
  await aboutStudent(`cannot be exported for target ${choice.target}, so it is not trained`, settings, () =>
    Promise.resolve(planGraphsOf({ config, encodeSource: () => [] }, { ...choice, parityLimit: undefined })),
  );
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
