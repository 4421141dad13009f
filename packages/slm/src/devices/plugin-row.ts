/** The rows of `slm doctor` for devices with plug-ins. */
import { SlmError } from "@slm/core/errors";
import type { ProfileName, Target } from "@slm/devices";
import { findPlugin, isKnownName, knownPlugin, thisPlatform } from "@slm/runtime-native/plugins";
import type { InstalledFinding, PluginFindings } from "./examine-plugins.js";

interface Row {
  readonly available: boolean;
  readonly reason: string;
}

/** A row of the table of devices. */
interface Asked {
  /** "npu:qnn". */
  readonly device: string;
  readonly target: Target;
  readonly profile: ProfileName;
}

/** What a device's plug-in offers on this machine, or why it does not work; undefined if no plug-in was added. */
export async function pluginRow(
  { target, profile }: Asked,
  { installed }: Pick<PluginFindings, "installed">,
): Promise<Row | undefined> {
  try {
    const plugin = await findPlugin(target, profile);
    const found = installed.find(
      ({ name, version, platform }) =>
        name === plugin?.name && version === plugin.version && platform === thisPlatform(),
    );
    if (found === undefined) return undefined;
    const title = `plug-in ${found.name} ${found.version}`;
    return { available: found.available, reason: `${title}: ${offerOf(found)}` };
  } catch (error) {
    // A corrupt plug-in: the runtime would fail with the same error.
    if (error instanceof SlmError) return { available: false, reason: error.message };
    throw error;
  }
}

/** "compiles for Hexagon, and simulates it", or the devices that its library lists. */
function offerOf({ name, available, reason, devices }: InstalledFinding): string {
  const onCpu = isKnownName(name) ? knownPlugin(name).onCpu : null;
  if (!available) return reason;
  if (onCpu !== null && devices.every(({ type }) => type === "cpu")) return onCpu;
  return devices.map(({ vendor, type }) => `${vendor} ${type.toUpperCase()}`).join(", ");
}

/** Adds the commands that install a plug-in to the row of a device that does not work, if this platform has a plug-in. */
export function withPluginHint(
  row: Row,
  { device }: Pick<Asked, "device">,
  { absent }: Pick<PluginFindings, "absent">,
): Row {
  const known = absent.find(({ serves }) => serves.some((one) => one === device));
  if (row.available || known === undefined || known.obtain === null) return row;
  return { ...row, reason: `${row.reason}: ${known.obtain}, then slm device add FILE` };
}
