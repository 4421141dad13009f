/** The rows of `slm doctor` for devices that plug-ins open. */
import { SlmError } from "@slm/core/errors";
import type { ProfileName, Target } from "@slm/devices";
import { findPlugin, isKnownName, knownPlugin, thisPlatform } from "@slm/runtime-native/plugins";
import type { InstalledFinding, PluginFindings } from "./examine-plugins.js";

interface Row {
  readonly available: boolean;
  readonly reason: string;
}

/** A device as the table of devices has it. */
interface Asked {
  /** "npu:qnn". */
  readonly device: string;
  readonly target: Target;
  readonly profile: ProfileName;
}

/** What the plug-in that opens a device offers here, or why it offers nothing; undefined if none has been added. */
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
    // A corrupt one is what the runtime would end with, too.
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

/** The row of a device that does not work, with the commands that add its plug-in, if it has one for this platform. */
export function withPluginHint(
  row: Row,
  { device }: Pick<Asked, "device">,
  { absent }: Pick<PluginFindings, "absent">,
): Row {
  const known = absent.find(({ serves }) => serves.some((one) => one === device));
  if (row.available || known === undefined || known.obtain === null) return row;
  return { ...row, reason: `${row.reason}: ${known.obtain}, then slm device add FILE` };
}
