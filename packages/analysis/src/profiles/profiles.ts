/** Finds the operator rules of a device. */
import { deviceOf, type ProfileName, type Target } from "@slm/devices";
import { CPU } from "./cpu.js";
import { OPENVINO } from "./openvino.js";
import type { OperatorRules, Profile } from "./profile.js";
import { QNN } from "./qnn.js";
import { WEBGPU } from "./webgpu.js";

/** No compiler or program has confirmed rules for these profiles, so they have none: only the device itself can answer. */
const UNCONFIRMED: OperatorRules = {
  sources: [],
  confirmedBy: null,
  operators: {},
  dtypes: [],
  convertedTypes: {},
  controlFlow: "allowed",
  maxRank: { rejected: Infinity, advised: Infinity },
  maxWeightBytes: Infinity,
  wantsNames: false,
};

/** One row per profile. A name without a row is a compile error. */
export const OPERATOR_RULES: { readonly [Name in ProfileName]: OperatorRules } = {
  cpu: CPU,
  cuda: UNCONFIRMED,
  directml: UNCONFIRMED,
  coreml: UNCONFIRMED,
  webgpu: WEBGPU,
  qnn: QNN,
  openvino: OPENVINO,
  vitisai: UNCONFIRMED,
};

/**
 * The profile of a target: the named one, or the target's default.
 *
 * @throws SlmError USAGE if the target does not have the profile.
 */
export function profileOf(target: Target, name?: ProfileName): Profile {
  const { profile, title, label, rest, shapes } = deviceOf("analyze", target, name);
  return { name: profile, title, label, rest, shapes, ...OPERATOR_RULES[profile] };
}
