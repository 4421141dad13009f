import type { DoctorReport, Finding } from "@slm/slm/devices/doctor";
import { Flags } from "@oclif/core";
import { TRAINING_DEVICES } from "@slm/pipeline/compute/compute";
import type { MeasuredDevice } from "@slm/pipeline/compute/device-rates";
import { formatBytes, formatCount } from "@slm/pipeline/format/format";
import { SlmCommand } from "../ui/slm-command.js";

type Examined = DoctorReport & {
  /** Rates of the device that was to be measured. */
  readonly measured?: MeasuredDevice | undefined;
};

export class DoctorCommand extends SlmCommand<Examined> {
  static override summary = "Show what this machine has: engines, execution providers, plug-ins, memory.";
  static override description =
    "A plug-in is ok, corrupt (a file is missing or has another size), for another platform, or for another ONNX Runtime (the cuda " +
    "plug-in works with one version).";
  static override flags = {
    check: Flags.boolean({
      summary: "Compare the bytes of every plug-in's files with its package; exit 3 if one differs.",
    }),
    measure: Flags.string({
      helpValue: "<name>",
      summary:
        "Measure matrix products on a device, and store the rates under this name for --dry-run --estimate-for.",
    }),
    device: Flags.option({
      options: TRAINING_DEVICES,
      summary: "Measure this device. Default: cpu.",
      dependsOn: ["measure"],
    })(),
  };
  static override examples = [
    "<%= config.bin %> doctor --json",
    "<%= config.bin %> doctor --check",
    "<%= config.bin %> doctor --measure my-gpu --device gpu:cuda",
  ];

  protected override async execute(): Promise<Examined> {
    const { flags } = await this.parse(DoctorCommand);
    const { examineMachine } = await import("@slm/slm/devices/doctor");
    const report = await examineMachine({ check: flags.check });
    if (flags.measure === undefined) return report;
    const { measureDevice } = await import("@slm/pipeline/compute/device-rates");
    return { ...report, measured: await measureDevice(flags.measure, flags.device ?? "cpu") };
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
    measured,
  }: Examined): readonly string[] {
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
      ...(measured === undefined ? [] : ratesOf(measured)),
    ];
  }
}

const ratesOf = ({ name, description, products }: MeasuredDevice): readonly string[] => [
  `products of square matrices on ${name}: ${description}`,
  ...Object.entries(products).map(
    ([format, rate]) =>
      `       ${format.padEnd(18)} ${rate === undefined ? "not computed" : `${formatCount(rate)}FLOP/s`}`,
  ),
];
