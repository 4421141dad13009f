import { Args, Flags } from "@oclif/core";
import type { DirectoryProblem, ManifestFile } from "@slm/core";
import type { SignatureCheck } from "@slm/deploy";
import { GateFailed } from "@slm/core/errors";
import { formatBytes } from "@slm/core/format";
import { SlmCommand } from "../ui/slm-command.js";

export interface VerifyReport {
  readonly bundle: string;
  readonly files: readonly ManifestFile[];
  readonly problems: readonly DirectoryProblem[];
  /** Present with `--key`. */
  readonly signature?: SignatureCheck;
  readonly pass: boolean;
}

export class VerifyCommand extends SlmCommand<VerifyReport> {
  static override summary = "Check every file of a bundle, or of any artifact, against its manifest.";
  static override description =
    "Exits with code 3 if a file is missing, modified, not listed or a symbolic link; with --key also if the manifest was not signed " +
    "with that key. Checksums detect accidental corruption. Only a signature detects tampering, because whoever changes a file can also change its checksum.";
  static override args = {
    bundle: Args.string({ required: true, description: "Directory with a manifest.json, or a .slm file." }),
  };
  static override flags = {
    key: Flags.string({ helpValue: "<key.pub.pem>", summary: "Require a signature by this key." }),
  };
  static override examples = [
    "<%= config.bin %> verify runs/quickstart/deploy",
    "<%= config.bin %> verify model.slm --key key.pub.pem",
  ];

  protected override async execute(): Promise<VerifyReport> {
    const { args, flags } = await this.parse(VerifyCommand);
    const { verifyBundle } = await import("@slm/deploy");
    const checked = await verifyBundle(args.bundle, flags.key);
    const { problems, signature } = checked;
    const pass = problems.length === 0 && signature?.problem === undefined;
    const report: VerifyReport = { bundle: args.bundle, ...checked, pass };
    if (report.pass) return report;
    const [first] = problems;
    if (first === undefined) {
      throw new GateFailed(`${args.bundle}: ${signature?.problem ?? "not verified"}`, report, [
        "download the bundle again from its publisher",
      ]);
    }
    const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
    throw new GateFailed(
      `${args.bundle} does not match its manifest: ${first.path} ${first.message}${more}`,
      report,
      ["copy or deploy the bundle again"],
    );
  }

  protected override lines({ bundle, files, problems, signature }: VerifyReport): readonly string[] {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return [
      `${files.length} files, ${formatBytes(bytes)}, ${problems.length} problems`,
      ...problems.map(({ path, problem, message }) => `  ${problem.padEnd(10)} ${path} ${message}`),
      ...(signature === undefined
        ? ["signature not checked: checksums detect accidental corruption; --key also detects tampering"]
        : [`signature ${signature.problem ?? `good, key ${signature.keyId}`}`]),
      bundle,
    ];
  }
}
