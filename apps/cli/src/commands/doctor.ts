import type { DoctorReport, Finding } from "../doctor.js";
import { formatBytes } from "../ui/format.js";
import { SlmCommand } from "../slm-command.js";

export class DoctorCommand extends SlmCommand<DoctorReport> {
  static override summary = "Show what this machine has: engines, execution providers, plug-ins, memory.";
  static override examples = ["<%= config.bin %> doctor --json"];

  protected override async execute(): Promise<DoctorReport> {
    await this.parse(DoctorCommand);
    const { examineMachine } = await import("../doctor.js");
    return examineMachine();
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
      `plug-ins (slm device list), in ${plugins.folder}`,
      ...plugins.installed.map((plugin) => row(`${plugin.name} ${plugin.version}`, plugin)),
      ...plugins.absent.map(({ name, title, obtain, reason }) =>
        row(name, { available: false, reason: `${title}: ${obtain ?? reason}` }),
      ),
    ];
  }
}
