/** Finds the operator rules of a device. */
import { deviceOf, type ProfileName, type Target } from "@slm/devices";
import { COREML } from "./coreml.js";
import { CPU } from "./cpu.js";
import { CUDA } from "./cuda.js";
import { DIRECTML } from "./directml.js";
import { OPENVINO } from "./openvino.js";
import type { OperatorRules, Profile } from "./profile.js";
import { QNN } from "./qnn.js";
import { VITISAI } from "./vitisai.js";
import { WEBGPU } from "./webgpu.js";

/** One row per profile. A name without a row is a compile error. */
export const OPERATOR_RULES: { readonly [Name in ProfileName]: OperatorRules } = {
  cpu: CPU,
  cuda: CUDA,
  directml: DIRECTML,
  coreml: COREML,
  webgpu: WEBGPU,
  qnn: QNN,
  openvino: OPENVINO,
  vitisai: VITISAI,
};

/**
 * The profile of a target: the named one, or the target's default.
 *
 * @throws SlmError USAGE if the target does not have the profile.
 */
export function profileOf(target: Target, name?: ProfileName): Profile {
  const { profile, title, label, rest, staticShapes, maxRank } = deviceOf("analyze", target, name);
  return { name: profile, title, label, rest, staticShapes, maxRank, ...OPERATOR_RULES[profile] };
}
