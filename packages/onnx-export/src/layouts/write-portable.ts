/** Writes the portable forms of a text model: calls of kernels and weights, which run in WebAssembly without ONNX Runtime. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compileModel, portableProgram, writePortable } from "@slm/c-export";
import type { Checkpoint } from "@slm/checkpoints";
import { SlmError, writeFailure } from "@slm/core";
import {
  FASTEST_PARAMETERS,
  portableFile,
  PORTABLE_WEIGHTS,
  type DeviceModel,
  type PortableForm,
} from "@slm/exported-model";
import { parameterCount } from "@slm/model";
import type { Device } from "../settings/profiles.js";
import type { Shortlist } from "../weights/shortlist.js";

/** By target: above the first, ONNX Runtime is faster; above the second, a page would take too long to load. Only a page gains without it. */
const LARGEST_PARAMETERS = { cpu: FASTEST_PARAMETERS, web: 100_000_000 } as const;

/**
 * Writes the float32 form, and the int8 form that quantization keeps.
 *
 * @returns the entries of model.json, with the reason if there is no form; nothing for devices that run only graphs
 * @throws SlmError DATA_INVALID for a weight that is not a number; OUTPUT_FAILED
 */
export async function writePortableForms(
  outputDirectory: string,
  checkpoint: Checkpoint,
  { device, shortlist }: { readonly device: Device; readonly shortlist?: Shortlist | undefined },
): Promise<Pick<DeviceModel, "portable" | "noPortable">> {
  const { target, precision } = device;
  if (target !== "cpu" && target !== "web") return {};
  if (precision !== "float32") return { noPortable: `the model was exported with ${precision} activations` };
  const most = LARGEST_PARAMETERS[target];
  if (parameterCount(checkpoint.config) > most)
    return { noPortable: `the model has more than ${most / 1e6}M parameters` };
  try {
    const forms: PortableForm[] = [];
    for (const weights of PORTABLE_WEIGHTS) {
      const bytes = await writePortable(portableProgram(compileModel(checkpoint, weights), shortlist));
      const file = portableFile(weights);
      await writeFile(join(outputDirectory, file), bytes).catch((cause: unknown) => {
        throw writeFailure(cause, outputDirectory, "the directory is incomplete");
      });
      forms.push({ file, bytes: bytes.byteLength, weights });
    }
    return { portable: forms };
  } catch (error) {
    if (error instanceof SlmError && error.code === "OP_UNSUPPORTED")
      return { noPortable: error.message.replace(/^export: /u, "") };
    throw error;
  }
}
