import type { DoctorReport } from "../doctor.js";
import { formatBytes } from "../output/format.js";
import { SlmCommand } from "../slm-command.js";

export class DoctorCommand extends SlmCommand<DoctorReport> {
  static override summary = "Say what this machine has: engines, execution providers, memory.";
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
    engines,
    providers,
  }: DoctorReport): readonly string[] {
    const row = ({ name, available, reason }: DoctorReport["engines"][number]): string =>
      `  ${available ? "yes" : "no "}  ${name.padEnd(12)} ${reason}`;
    return [
      `node ${node}  ${platform}  ${cores} cores  ${formatBytes(memoryBytes)} of memory`,
      "engines",
      ...engines.map(row),
      "execution providers",
      ...providers.map(row),
    ];
  }
}
