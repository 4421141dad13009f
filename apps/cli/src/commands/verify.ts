import { Args } from "@oclif/core";
import type { DirectoryProblem, ManifestFile } from "@slm/artifact";
import { GateFailed } from "../errors.js";
import { formatBytes } from "../output/format.js";
import { SlmCommand } from "../slm-command.js";

export interface VerifyReport {
  readonly bundle: string;
  readonly files: readonly ManifestFile[];
  readonly problems: readonly DirectoryProblem[];
  readonly pass: boolean;
}

export class VerifyCommand extends SlmCommand<VerifyReport> {
  static override summary = "Compare every file of a bundle, or of any artifact, with its manifest.";
  static override description = "Exit 3 if a file is missing, changed, not listed, or a symbolic link.";
  static override args = {
    bundle: Args.string({ required: true, description: "Directory with a manifest.json." }),
  };
  static override examples = ["<%= config.bin %> verify runs/quickstart/deploy"];

  protected override async execute(): Promise<VerifyReport> {
    const { args } = await this.parse(VerifyCommand);
    const { verifyDirectory } = await import("@slm/artifact");
    const { files, problems } = await verifyDirectory(args.bundle);
    const report: VerifyReport = { bundle: args.bundle, files, problems, pass: problems.length === 0 };
    if (report.pass) return report;
    const [first] = problems;
    const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
    throw new GateFailed(
      `${args.bundle} does not match its manifest: ${first!.path} ${first!.message}${more}`,
      report,
      ["copy or deploy the bundle again"],
    );
  }

  protected override lines({ bundle, files, problems }: VerifyReport): readonly string[] {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return [
      `${files.length} files, ${formatBytes(bytes)}, ${problems.length} problems`,
      ...problems.map(({ path, problem, message }) => `  ${problem.padEnd(10)} ${path} ${message}`),
      bundle,
    ];
  }
}
