/** Which schemes what runs a model takes: rules as data, one row per profile of the export. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { SCHEME_NAMES, type SchemeName } from "./schemes.js";

interface DeviceSchemes {
  readonly takes: readonly SchemeName[];
  /** Why not the others. */
  readonly reason: string;
}

const STATIC = ["int8-qdq", "a8w8", "a16w8", "a16w4"] as const satisfies readonly SchemeName[];
const BLOCKS = ["int8-block", "int4-block"] as const satisfies readonly SchemeName[];

/**
 * By target and profile. Sources: onnxruntime 1.30, docs/OperatorKernels.md and docs/ContribOperators.md (MatMulNBits,
 * GatherBlockQuantized, DynamicQuantizeLinear by provider), docs/execution-providers/QNN-ExecutionProvider.md and
 * OpenVINO-ExecutionProvider.md, tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md (no QuantizeLinear),
 * ryzenai.docs.amd.com (8-bit activations and weights, signed weights).
 */
const DEVICES: Readonly<Record<string, DeviceSchemes>> = {
  "cpu/onnxruntime": { takes: SCHEME_NAMES, reason: "" },
  "gpu/cuda": { takes: BLOCKS, reason: "its fast kernels for quantized weights are those of blocks" },
  "gpu/webgpu": { takes: BLOCKS, reason: "it has kernels for blocks of weights only" },
  "gpu/directml": { takes: BLOCKS, reason: "it has kernels for blocks of weights" },
  "gpu/coreml": { takes: [], reason: "CoreML has no quantized operators; float16 halves the model" },
  "web/browser": {
    takes: ["cpu", "int8-dynamic", ...BLOCKS],
    reason: "wasm and WebGPU gain from quantized weights only",
  },
  "npu/qnn": { takes: STATIC, reason: "it computes in integers with fixed ranges" },
  "npu/openvino": { takes: STATIC, reason: "it computes in integers with fixed ranges" },
  "npu/vitisai": { takes: ["int8-qdq"], reason: "it takes signed 8-bit integers with fixed ranges" },
  "npu/coreml": { takes: [], reason: "CoreML has no quantized operators; float16 halves the model" },
};

/** Of models that do not name a profile: what their target's first profile takes. */
const FIRST: Readonly<Record<string, string>> = {
  cpu: "onnxruntime",
  gpu: "cuda",
  web: "browser",
  npu: "qnn",
};

const rowOf = (target: string, profile: string): DeviceSchemes | undefined => {
  const key = `${target}/${profile}`;
  return Object.hasOwn(DEVICES, key) ? DEVICES[key] : undefined;
};

/** The schemes that a profile of a target takes; none where nothing is known of it. */
export const schemesTaken = (target: string, profile: string): readonly SchemeName[] =>
  rowOf(target, profile)?.takes ?? [];

/** @throws SlmError OP_UNSUPPORTED if what runs the model does not take the scheme, or is not known */
export function checkDeviceScheme(
  { target, profile = FIRST[target] ?? "" }: Pick<DeviceModel, "target" | "profile">,
  scheme: SchemeName,
  directory: string,
): void {
  const row = rowOf(target, profile) ?? { takes: [], reason: "nothing is known of it" };
  if (row.takes.includes(scheme)) return;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `quantize: ${directory} was exported for target '${target}', profile '${profile}', which does not take scheme ` +
      `'${scheme}': ${row.reason}`,
    {
      suggestions:
        row.takes.length > 0
          ? row.takes.map((name) => `--scheme ${name}`)
          : [`slm export CHECKPOINT --target ${target} --profile ${profile} --precision float16`],
    },
  );
}
