/** Chooses among the forms of a graph that were compiled ahead of time. */
import type { CompiledForm } from "@slm/runtime";
import type { NativeEnvironment } from "./environment.js";
import { textAt } from "../ort/api.js";

/** Source: enum OrtCompiledModelCompatibility. */
const SUPPORTED_OPTIMAL = 1;

/**
 * The form that this plug-in compiled for this chip; undefined if there is none, and the portable graph is compiled at load time. In a simulation,
 * the chip's name decides. On a device, the vendor's library decides whether it accepts the binary.
 */
export function fittingForm(
  environment: NativeEnvironment,
  forms: readonly CompiledForm[],
): CompiledForm | undefined {
  const { provider } = environment;
  if (provider === undefined) return undefined;
  const own = forms.filter(({ plugin }) => plugin === provider.plugin);
  if (provider.soc !== undefined) return own.find(({ soc }) => soc === provider.soc);
  return own.find((form) => isTakenByDevice(environment, form));
}

/** Asks the vendor's library, with the compatibility text that it stored in the compiled graph. */
function isTakenByDevice(environment: NativeEnvironment, { path }: CompiledForm): boolean {
  const { api } = environment;
  const device = environment.chosenDevice()!;
  const allocator = api.pointer("GetAllocatorWithDefaultOptions");
  const text = api.pointer("GetCompatibilityInfoFromModel", path, device.provider, allocator);
  if (text === 0n) return false;
  try {
    return (
      api.number("GetModelCompatibilityForEpDevices", [device.address], 1, textAt(text)) === SUPPORTED_OPTIMAL
    );
  } finally {
    api.call("AllocatorFree", allocator, text);
  }
}
