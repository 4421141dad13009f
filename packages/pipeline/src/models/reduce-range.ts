/** The option that limits int8 weights to 7 bits. */

/** `auto`: decided by the target of the model. `this-cpu`: decided by this machine's CPU, for models that stay on it. */
export type ReduceRange = boolean | "auto" | "this-cpu";

/**
 * Whether to use 7 bits; undefined: the target of the model decides.
 *
 * @throws SlmError DEVICE_UNAVAILABLE for `this-cpu` if ONNX Runtime cannot be loaded
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
