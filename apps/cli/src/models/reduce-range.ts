/** What a recipe or an option says of the bits of int8 weights. */

/** By the target of the model, or by the CPU that quantizes: for a model that stays on this machine. */
export type ReduceRange = boolean | "auto" | "this-cpu";

/**
 * 7 bits or not; undefined: by the target of the model.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if this CPU is asked for and ONNX Runtime cannot be loaded
 */
export async function resolveReduceRange(
  setting: ReduceRange,
  saturates: () => Promise<boolean> = int8Saturates,
): Promise<boolean | undefined> {
  if (setting === "auto") return undefined;
  return setting === "this-cpu" ? saturates() : setting;
}

async function int8Saturates(): Promise<boolean> {
  const { createCpuRuntime } = await import("@slm/runtime-node");
  const runtime = await createCpuRuntime({ threads: 1, inThread: true });
  await runtime.close();
  return runtime.device.int8?.saturates === true;
}
