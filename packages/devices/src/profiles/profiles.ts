/** Every profile, and which of them a target means. */
import { SlmError } from "@slm/core";
import { COREML } from "./coreml.js";
import { CPU } from "./cpu.js";
import { CUDA } from "./cuda.js";
import { DIRECTML } from "./directml.js";
import { OPENVINO } from "./openvino.js";
import type { Profile, ProfileName, Target } from "./profile.js";
import { QNN } from "./qnn.js";
import { VITISAI } from "./vitisai.js";
import { WEBGPU } from "./webgpu.js";

/** One row per profile: a name without a row does not compile. */
export const PROFILES: { readonly [Name in ProfileName]: Profile } = {
  qnn: QNN,
  openvino: OPENVINO,
  coreml: COREML,
  vitisai: VITISAI,
  cuda: CUDA,
  directml: DIRECTML,
  webgpu: WEBGPU,
  cpu: CPU,
};

const DEFAULT: Readonly<Record<Target, ProfileName>> = { npu: "qnn", gpu: "cuda", web: "webgpu", cpu: "cpu" };

/** Names of the profiles a target has. */
export function profilesOf(target: Target): readonly ProfileName[] {
  return Object.values(PROFILES)
    .filter(({ targets }) => targets.includes(target))
    .map(({ name }) => name);
}

/**
 * The profile of a target: the one named, or the target's usual one.
 *
 * @throws SlmError USAGE if the target has no such profile.
 */
export function profileOf(target: Target, name: ProfileName = DEFAULT[target]): Profile {
  const profile = PROFILES[name];
  if (profile.targets.includes(target)) return profile;
  const names = profilesOf(target);
  throw new SlmError("USAGE", `analyze: target '${target}' has profile ${names.join(", ")}, got '${name}'`, {
    suggestions: [
      ...names.map((other) => `--target ${target} --profile ${other}`),
      `--target ${profile.targets[0]!} --profile ${name}`,
    ],
  });
}
