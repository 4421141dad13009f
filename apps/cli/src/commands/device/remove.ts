import { Args, Flags } from "@oclif/core";
import type { RemovedPlugin } from "@slm/runtime-native/plugins";
import { formatBytes } from "@slm/core/format";
import { SlmCommand } from "../../ui/slm-command.js";

export interface DeviceRemoveResult {
  readonly removed: readonly RemovedPlugin[];
}

export class DeviceRemoveCommand extends SlmCommand<DeviceRemoveResult> {
  static override summary = "Remove a plug-in: all its versions, or one.";
  static override args = {
    name: Args.string({ required: true, description: "Name of the plug-in, as `doctor` shows it." }),
  };
  static override flags = {
    version: Flags.string({ helpValue: "<version>", summary: "Remove this version only." }),
  };
  static override examples = [
    "<%= config.bin %> device remove qnn",
    "<%= config.bin %> device remove qnn --version 2.7.0",
  ];

  protected override async execute(): Promise<DeviceRemoveResult> {
    const { args, flags } = await this.parse(DeviceRemoveCommand);
    const { removePlugin } = await import("@slm/runtime-native/plugins");
    return { removed: await removePlugin({ name: args.name, version: flags.version }) };
  }

  protected override lines({ removed }: DeviceRemoveResult): readonly string[] {
    return removed.map(
      ({ name, version, platform, bytes }) =>
        `removed ${name} ${version} for ${platform}, ${formatBytes(bytes)}`,
    );
  }
}
