import { Flags } from "@oclif/core";
import type { DeviceId, PluginState } from "@slm/runtime-native/plugins";
import { columns } from "@slm/pipeline/format/columns";
import { formatBytes } from "@slm/pipeline/format/format";
import { SlmCommand } from "../../ui/slm-command.js";

export interface ListedPlugin {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly state: PluginState["state"];
  /** Why it cannot be used; null if it can. */
  readonly reason: string | null;
  /** The provider library in `folder`; null if `plugin.json` cannot be read, as what follows. */
  readonly library: string | null;
  readonly registrationName: string | null;
  readonly serves: readonly DeviceId[];
  readonly bytes: number;
  /** What its package declares. */
  readonly licence: string | null;
  readonly licenceFiles: readonly string[];
  readonly folder: string;
}

export interface DeviceListResult {
  /** Where plug-ins are kept. */
  readonly folder: string;
  /** Whether the bytes of every file were compared. */
  readonly checked: boolean;
  readonly plugins: readonly ListedPlugin[];
}

export class DeviceListCommand extends SlmCommand<DeviceListResult> {
  static override summary = "List the plug-ins that were added.";
  static override description =
    "State: ok, corrupt (a file is missing or has another size), other platform, or other ONNX Runtime (the cuda plug-in works with one version). With --check the bytes of every file are compared " +
    "with those that were unpacked; a corrupt plug-in then ends the command with exit code 3.";
  static override flags = {
    check: Flags.boolean({ summary: "Compare the bytes of every file." }),
  };
  static override examples = [
    "<%= config.bin %> device list",
    "<%= config.bin %> device list --check --json",
  ];

  protected override async execute(): Promise<DeviceListResult> {
    const { flags } = await this.parse(DeviceListCommand);
    const { bytesOf, listPlugins, pluginsFolder } = await import("@slm/runtime-native/plugins");
    const { GateFailed } = await import("@slm/slm/models/gate-failed");
    const installed = await listPlugins({ check: flags.check });
    const plugins = installed.map((plugin): ListedPlugin => {
      const { name, version, platform, state, folder, manifest } = plugin;
      return {
        name,
        version,
        platform,
        state,
        reason: plugin.state === "ok" ? null : plugin.reason,
        library: manifest?.library ?? null,
        registrationName: manifest?.registrationName ?? null,
        serves: manifest?.serves ?? [],
        bytes: manifest === undefined ? 0 : bytesOf(manifest),
        licence: manifest?.licence.declared ?? null,
        licenceFiles: manifest?.licence.files ?? [],
        folder,
      };
    });
    const result = { folder: pluginsFolder(), checked: flags.check, plugins };
    const corrupt = plugins.filter(({ state }) => state === "corrupt");
    if (!flags.check || corrupt.length === 0) return result;
    throw new GateFailed(`device list: corrupt: ${corrupt.map(({ name }) => name).join(", ")}`, result);
  }

  protected override lines({ folder, plugins }: DeviceListResult): readonly string[] {
    if (plugins.length === 0) return [`no plug-ins in ${folder}`];
    const rows = plugins.map(({ name, version, library, serves, bytes, licence, state, reason }) => [
      name,
      version,
      library === null ? "?" : library.split("/").at(-1)!,
      serves.join(" ") || "none",
      formatBytes(bytes),
      licence ?? "see its files",
      reason === null ? state : `${state}: ${reason}`,
    ]);
    return [...columns(["name", "version", "library", "for", "size", "licence", "state"], rows), folder];
  }
}
