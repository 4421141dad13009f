/** Which of a model's files an engine reads. */
import { DEVICE_MODEL_FILE, isCompanionFile, type DeviceModel } from "./device-model.js";
import type { EngineName } from "./engine.js";

/** A companion that the portable engine does not read. */
const UNUSED_IN_WASM = "config.json";

/**
 * Those of a model's files that an engine reads, so that a page downloads and ships no others.
 *
 * @param paths relative to the model's directory
 */
export function filesOfEngine(
  { portable = [] }: Pick<DeviceModel, "portable">,
  paths: readonly string[],
  engine: EngineName,
): readonly string[] {
  const forms = portable.map(({ file }) => file);
  return paths.filter((path) =>
    engine === "onnxruntime"
      ? !forms.includes(path)
      : path === forms[0] || path === DEVICE_MODEL_FILE || (isCompanionFile(path) && path !== UNUSED_IN_WASM),
  );
}
