import { Args, Flags } from "@oclif/core";
import type { Deployment } from "@slm/deploy";
import { GateFailed } from "../errors.js";
import { formatBytes } from "../output/format.js";
import { threadsFlag } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

export class DeployCommand extends SlmCommand<Deployment> {
  static override summary = "Bundle a model with all that a device needs, and verify the bundle.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. The card of a bundle made here says nothing " +
    "of quality and speed: 'slm run' measures them.";
  static override args = { model: Args.string({ required: true, description: "Directory of a model." }) };
  static override flags = {
    to: Flags.option({ options: ["dir"] as const })({ default: "dir", summary: "Form of the bundle." }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Directory to write. Default: MODEL-bundle, beside it.",
    }),
    name: Flags.string({ helpValue: "<text>", summary: "Name on the model card." }),
    summary: Flags.string({ helpValue: "<text>", summary: "One sentence at the top of the card." }),
    threads: threadsFlag,
  };
  static override examples = ["<%= config.bin %> deploy runs/quickstart/quantize --to dir -o bundle"];

  protected override async execute(): Promise<Deployment> {
    const { args, flags } = await this.parse(DeployCommand);
    const { deployToDirectory } = await import("@slm/deploy");
    const { verifyDirectory } = await import("@slm/artifact");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const { withModel } = await import("../models/open-model.js");
    const { withRuntime } = await import("../compute/open-engine.js");
    const { to, name, summary, output = siblingPath(args.model, "bundle") } = flags;
    const { progress } = this.context(1);
    const { files } = await withRuntime(flags.threads, (runtime) =>
      withModel(args.model, { runtime, progress, signal: this.signal }, (model) =>
        writeStandalone(
          {
            directory: output,
            kind: "bundle",
            sources: { model },
            settings: { to, ...given({ name, summary }) },
          },
          async (work) => {
            const deployed = await deployToDirectory({
              model,
              outputDirectory: work,
              card: { name, summary },
            });
            return { files: deployed.files };
          },
        ),
      ),
    );
    const deployment: Deployment = { bundle: output, files };
    const { problems } = await verifyDirectory(output);
    if (problems.length === 0) return deployment;
    throw new GateFailed(`${output} does not match its manifest after writing`, { ...deployment, problems }, [
      "check the disk, then deploy again",
    ]);
  }

  protected override lines({ bundle, files }: Deployment): readonly string[] {
    return [...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`), bundle];
  }
}

function given(fields: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const entries = Object.entries(fields);
  return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
