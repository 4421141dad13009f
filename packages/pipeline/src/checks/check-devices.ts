/** Checks what trains, what the graphs are for, and what compiles them. */
import { checkCompiler, compileConfig } from "@slm/runtime-native/compilation";
import { distillConfig } from "@slm/distillation";
import { deviceOf } from "@slm/devices";
import { checkRowSettings, exportConfig, planGraphsOf } from "@slm/onnx-export";
import { checkDeviceScheme } from "@slm/quantization";
import { withEngine } from "../compute/open-engine.js";
import { requireCpuOfWorkers } from "../workers/workers-address.js";
import { quantizeSection } from "../stages/quantize-stage.js";
import type { CheckRequest } from "./check.js";
import { aboutStudent, plannedStudent } from "./planned-student.js";

/** The engine and the device that train are on this machine, unless the run is planned for another. @throws SlmError DEVICE_UNAVAILABLE, USAGE */
export async function checkEngine({ compute, hasWorkers }: CheckRequest): Promise<void> {
  if (hasWorkers) requireCpuOfWorkers(compute);
  if (compute.plannedFor !== undefined) return;
  // The default engine on the CPU is part of the product.
  if (compute.engine !== "onnx" || (compute.device ?? "cpu") !== "cpu")
    await withEngine(compute, () => Promise.resolve());
}

/**
 * The prompt of a vision-language student, whose tokens are part of its graphs. There is no tokenizer yet, and what a device takes does not
 * depend on the tokens.
 */
const PROMPT_IDS = [0];

/**
 * The student has a shape, and the export takes it: its graphs are recorded, with weights that have sizes and no content. A student whose
 * shape is not known yet is left to its stage.
 *
 * @throws SlmError CONFIG_INVALID for sizes that do not fit together, OP_UNSUPPORTED or USAGE for what the device cannot compute
 */
export async function checkStudent(request: CheckRequest): Promise<void> {
  const { sections } = request;
  const config = await plannedStudent(request);
  if (config === undefined) return;
  const settings = distillConfig.parse(sections.distill);
  for (const { section } of targetsOf(request, "export")) {
    const choice = exportConfig.parse(sections[section] ?? {});
    const problem = `cannot be exported for target ${choice.target}, so it is not trained`;
    await aboutStudent(problem, settings, () => {
      checkRowSettings(config, choice);
      return Promise.resolve(planGraphsOf({ config, encodeSource: () => PROMPT_IDS }, choice));
    });
  }
}

/** Sections of a stage that runs, of the first target and of further ones, and the export that each stands on. */
function targetsOf(
  { running }: CheckRequest,
  stage: string,
): readonly { readonly section: string; readonly exported: string }[] {
  return running
    .filter((name) => name.split("@")[0] === stage)
    .map((section) => ({ section, exported: section.replace(stage, "export") }));
}

/** The devices take the schemes. @throws SlmError OP_UNSUPPORTED */
export function checkSchemes(request: CheckRequest): Promise<void> {
  const { sections } = request;
  for (const { section, exported } of targetsOf(request, "quantize")) {
    const device = exportConfig.safeParse(sections[exported] ?? {}).data;
    const schemes = quantizeSection.safeParse(sections[section]).data?.schemes ?? [];
    if (device !== undefined) for (const scheme of schemes) checkDeviceScheme(device, scheme, "the model");
  }
  return Promise.resolve();
}

/** The device has a compiler, which is on this machine and knows the chips. @throws SlmError OP_UNSUPPORTED, USAGE, DEVICE_UNAVAILABLE */
export async function checkChips(request: CheckRequest): Promise<void> {
  const { sections } = request;
  for (const { section, exported } of targetsOf(request, "compile")) {
    const { target, profile } = exportConfig.parse(sections[exported] ?? {});
    const { socs } = compileConfig.parse(sections[section]);
    await checkCompiler(
      { target, profile: profile ?? deviceOf("compile", target).profile },
      socs,
      "the model",
    );
  }
}
