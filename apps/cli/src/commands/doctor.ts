import type { DoctorReport, Finding } from "@slm/slm/devices/doctor";
import { Flags } from "@oclif/core";
import { formatBytes } from "@slm/core/format";
import { SlmCommand } from "../ui/slm-command.js";

export class DoctorCommand extends SlmCommand<DoctorReport> {
  static override summary = "Show what this machine has: engines, execution providers, plug-ins, memory.";
  static override description =
    "A plug-in is ok, corrupt (a file is missing or has another size), for another platform, or for another ONNX Runtime (the cuda " +
    "plug-in works with one version).";
  static override flags = {
    check: Flags.boolean({
      summary: "Compare the bytes of every plug-in's files with its package; exit 3 if one differs.",
    }),
  };
  static override examples = ["<%= config.bin %> doctor --json", "<%= config.bin %> doctor --check"];

  protected override async execute(): Promise<DoctorReport> {
    const { flags } = await this.parse(DoctorCommand);
    const { examineMachine } = await import("@slm/slm/devices/doctor");
    return examineMachine({ check: flags.check });
  }

  protected override lines({
    node,
    platform,
    cores,
    memoryBytes,
    int8,
    engines,
    providers,
    plugins,
  }: DoctorReport): readonly string[] {
    const row = (name: string, { available, reason }: Pick<Finding, "available" | "reason">): string =>
      `  ${available ? "yes" : "no "}  ${name.padEnd(18)} ${reason}`;
    return [
      `node ${node}  ${platform}  ${cores} cores  ${formatBytes(memoryBytes)} of memory`,
      ...(int8 === null ? [] : [int8.meaning]),
      "engines",
      ...engines.map((engine) => row(engine.name, engine)),
      "devices (--device)",
      ...providers.map((provider) =>
        row(provider.device === "none" ? provider.name : provider.device, provider),
      ),
      `plug-ins (slm device add), in ${plugins.folder}`,
      ...plugins.installed.map((plugin) => {
        const { name, version, available, reason, bytes, licence } = plugin;
        const about = `${formatBytes(bytes)}, licence: ${licence ?? "see its files"}`;
        return row(`${name} ${version}`, { available, reason: `${reason}; ${about}` });
      }),
      ...plugins.absent.map(({ name, title, obtain, reason }) =>
        row(name, { available: false, reason: `${title}: ${obtain ?? reason}` }),
      ),
    ];
  }
}
