/** Parses flags that describe a plug-in. */
import { SlmError } from "@slm/core/errors";
import { DEVICE_IDS, type DeviceId } from "@slm/runtime-native/plugins";

/** Parses provider options of the form key=value. @throws SlmError USAGE for another form, or a repeated key */
export function parseOptions(texts: readonly string[]): Readonly<Record<string, string>> {
  const options = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf("=");
    const key = text.slice(0, at);
    if (at < 1) throw new SlmError("USAGE", `device add: --option: expected key=value, got '${text}'`);
    if (options.has(key))
      throw new SlmError("USAGE", `device add: --option: expected ${key} once, got it twice`);
    options.set(key, text.slice(at + 1));
  }
  return Object.fromEntries(options);
}

/** Parses names of devices. @throws SlmError USAGE for a name that is not in the table of devices */
export function parseServed(texts: readonly string[]): readonly DeviceId[] {
  return texts.map((text) => {
    const device = DEVICE_IDS.find((id) => id === text);
    if (device !== undefined) return device;
    throw new SlmError(
      "USAGE",
      `device add: --serves: expected one of ${DEVICE_IDS.join(", ")}, got '${text}'`,
    );
  });
}
