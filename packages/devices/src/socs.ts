/**
 * The chips for which graphs can be compiled ahead of time: one row per chip and profile, with the options of the vendor's compiler.
 *
 * Sources. qnn: `soc_model` numbers and Hexagon versions of ExecuTorch, backends/qualcomm/serialization/qc_schema.py (2026), and of Olive's
 * `soc_details` for the Snapdragon X Elite. SM8350 (30, v68) is not included because onnxruntime-qnn 2.7.0 cannot finalize graphs for it
 * (error 1002). openvino: `npu_platform` of the virtual devices in onnxruntime-ep-openvino 1.8.1. Compilation was tested for every qnn row
 * with onnxruntime-qnn 2.7.0.
 */
import { SlmError } from "@slm/core/errors";
import type { ProfileOf } from "./device-table.js";

export interface Soc {
  /** Value of `--soc`. */
  readonly name: string;
  /** Marketing name. */
  readonly title: string;
  /** NPU generation. Compiled graphs of one generation do not run on another. */
  readonly generation: string;
  /** Provider options that select it. */
  readonly options: Readonly<Record<string, string>>;
  /** Known problems of graphs for it. */
  readonly caution?: string | undefined;
  /** Metadata of the plug-in's device that represents it. */
  readonly device: Readonly<Record<string, string>>;
}

/** Seen with onnxruntime-qnn 2.7.0: docs/how-to/export-npu.md. */
const V69 =
  "Qualcomm's simulator computes wrong results for decoders with 16-bit activations (a16w8, a16w4) on Hexagon v69: verify on the device, or use a8w8 or float32";

const qualcomm = (
  name: string,
  title: string,
  { model, hexagon }: { readonly model: number; readonly hexagon: number },
): Soc => ({
  name,
  title,
  generation: `Hexagon v${String(hexagon)}`,
  caution: hexagon === 69 ? V69 : undefined,
  options: { soc_model: String(model) },
  device: {},
});

const intel = (name: string, title: string, platform: string): Soc => ({
  name,
  title,
  generation: `platform ${platform}`,
  options: {},
  device: { npu_platform: platform },
});

/** In display order. The first chip of a profile is the default of a simulation. */
export const SOCS = {
  qnn: [
    qualcomm("sc8380xp", "Snapdragon X Elite, X Plus", { model: 60, hexagon: 73 }),
    qualcomm("sm8450", "Snapdragon 8 Gen 1", { model: 36, hexagon: 69 }),
    qualcomm("sm8475", "Snapdragon 8+ Gen 1", { model: 42, hexagon: 69 }),
    qualcomm("sm8550", "Snapdragon 8 Gen 2", { model: 43, hexagon: 73 }),
    qualcomm("sm8650", "Snapdragon 8 Gen 3", { model: 57, hexagon: 75 }),
    qualcomm("sm8750", "Snapdragon 8 Elite", { model: 69, hexagon: 79 }),
    qualcomm("sm8850", "Snapdragon 8 Elite Gen 5", { model: 87, hexagon: 81 }),
    qualcomm("sa8295", "SA8295P, for vehicles", { model: 39, hexagon: 68 }),
    qualcomm("sa8255", "SA8255P, for vehicles", { model: 52, hexagon: 73 }),
    qualcomm("qcs9100", "Dragonwing IQ-9", { model: 77, hexagon: 73 }),
  ],
  openvino: [
    intel("npu4000", "NPU 4000: Core Ultra 200V", "4000"),
    intel("npu5010", "NPU 5010", "5010"),
    intel("npu5020", "NPU 5020", "5020"),
    intel("npu6010", "NPU 6010", "6010"),
  ],
} as const satisfies Partial<Readonly<Record<ProfileOf<"npu">, readonly Soc[]>>>;

/** Profiles whose graphs can be compiled ahead of time. */
export type CompilingProfile = keyof typeof SOCS;

export const COMPILING_PROFILES = Object.keys(SOCS) as readonly CompilingProfile[];

export function isCompilingProfile(profile: string): profile is CompilingProfile {
  return Object.hasOwn(SOCS, profile);
}

/** The chips of a profile; empty if its graphs cannot be compiled ahead of time. */
export function socsOf(profile: string): readonly Soc[] {
  return isCompilingProfile(profile) ? SOCS[profile] : [];
}

/** @throws SlmError USAGE for a chip that the profile does not have */
export function socOf(profile: string, name: string): Soc {
  const known = socsOf(profile);
  const found = known.find((soc) => soc.name === name.toLowerCase());
  if (found !== undefined) return found;
  const problem =
    known.length === 0
      ? `profile '${profile}' does not support compilation for chips; use ${COMPILING_PROFILES.join(" or ")}`
      : `profile '${profile}' has no chip '${name}'; it has ${known.map((soc) => soc.name).join(", ")}`;
  throw new SlmError("USAGE", problem, {
    suggestions: known.slice(0, 3).map((soc) => `--soc ${soc.name}   (${soc.title})`),
  });
}
