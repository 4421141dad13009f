/** Checks the training device, the export target and the compiler. */
import { checkCompiler, compileConfig } from "@slm/runtime-native/compilation";
import { checkRounding, distillConfig, type DistillConfig } from "@slm/distillation";
import { deviceOf } from "@slm/devices";
import { SlmError } from "@slm/core/errors";
import { exportSection, planGraphsOf } from "@slm/onnx-export";
import { checkDeviceScheme } from "@slm/quantization";
import { withEngine } from "@slm/models/engines";
import { requireCpuOfWorkers } from "../workers/workers-address.js";
import { quantizeSection } from "../stages/quantize-stage.js";
import type { CheckRequest } from "./check.js";
import { aboutStudent, plannedStudent } from "./planned-student.js";

/** Checks that the engine and the training device are on this machine. @throws SlmError DEVICE_UNAVAILABLE, USAGE */
export async function checkEngine({ compute, hasWorkers }: CheckRequest): Promise<void> {
  if (hasWorkers) requireCpuOfWorkers(compute);
  // The default engine on the CPU is always installed.
  if (compute.engine !== "onnx" || (compute.device ?? "cpu") !== "cpu")
    await withEngine(compute, () => Promise.resolve());
}

/**
 * A stand-in for the prompt of a vision-language student, which is stored in its graphs. There is no tokenizer yet, and device support does
 * not depend on the tokens.
 */
const PROMPT_IDS = [0];

/**
 * Checks the student's shape and that the target supports it: records its graphs with weights that have a size but no values. Does nothing
 * if the shape is not known yet.
 *
 * @throws SlmError CONFIG_INVALID for sizes that do not fit together, OP_UNSUPPORTED or USAGE for operators or settings that the device
 * does not support
 */
export async function checkStudent(request: CheckRequest): Promise<void> {
  const { sections } = request;
  const config = await plannedStudent(request);
  if (config === undefined) return;
  const settings = distillConfig.parse(sections.distill);
  checkQuantizedTraining(request, settings);
  if (settings.quantize !== undefined) checkRounding(config, settings.quantize.scheme);
  for (const { section } of targetsOf(request, "export")) {
    const choice = exportSection.parse(sections[section] ?? {});
    const problem = `cannot be exported for target ${choice.target}, so it is not trained`;
    await aboutStudent(problem, settings, () =>
      Promise.resolve(planGraphsOf({ config, encodeSource: () => PROMPT_IDS }, choice)),
    );
  }
}

/**
 * Checks that the scheme of quantization-aware training is one that the recipe quantizes with, and that the device supports it.
 *
 * @throws SlmError CONFIG_INVALID
 */
function checkQuantizedTraining({ sections }: CheckRequest, { quantize }: DistillConfig): void {
  if (quantize === undefined) return;
  const { scheme } = quantize;
  const reject = (reason: string, ...suggestions: readonly string[]): SlmError =>
    new SlmError(
      "CONFIG_INVALID",
      `distill.quantize.scheme: the student is trained for ${scheme}, but ${reason}`,
      {
        suggestions: [...suggestions, "leave out distill.quantize"],
      },
    );
  const { target, profile } = exportSection.parse(sections["export"] ?? {});
  const device = deviceOf("distill", target, profile);
  if (!device.schemes.takes.includes(scheme))
    throw reject(
      `target '${target}', profile '${device.profile}', does not support it`,
      "change export.target",
    );
  const section = quantizeSection.safeParse(sections["quantize"]).data;
  if (section !== undefined && section.schemes?.includes(scheme) !== true)
    throw reject(
      `quantize.schemes is ${section.schemes?.join(", ") ?? "not set"}`,
      `quantize.schemes: [${scheme}]`,
    );
}

/** The sections of a stage, for the first target and further targets, each with the export that it reads. */
function targetsOf(
  { running }: CheckRequest,
  stage: string,
): readonly { readonly section: string; readonly exported: string }[] {
  return running
    .filter((name) => name.split("@")[0] === stage)
    .map((section) => ({ section, exported: section.replace(stage, "export") }));
}

/** Checks that the devices support the quantization schemes. @throws SlmError OP_UNSUPPORTED */
export function checkSchemes(request: CheckRequest): Promise<void> {
  const { sections } = request;
  for (const { section, exported } of targetsOf(request, "quantize")) {
    const device = exportSection.safeParse(sections[exported] ?? {}).data;
    const schemes = quantizeSection.safeParse(sections[section]).data?.schemes ?? [];
    if (device !== undefined) for (const scheme of schemes) checkDeviceScheme(device, scheme, "the model");
  }
  return Promise.resolve();
}

/**
 * Checks that the device has a compiler, that it is installed and that it supports the chips. @throws SlmError OP_UNSUPPORTED, USAGE,
 * DEVICE_UNAVAILABLE
 */
export async function checkChips(request: CheckRequest): Promise<void> {
  const { sections } = request;
  for (const { section, exported } of targetsOf(request, "compile")) {
    const { target, profile } = exportSection.parse(sections[exported] ?? {});
    const { socs } = compileConfig.parse(sections[section]);
    await checkCompiler(
      { target, profile: profile ?? deviceOf("compile", target).profile },
      socs,
      "the model",
    );
  }
}
