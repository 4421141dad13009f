import { Args, Flags } from "@oclif/core";
import type { ManifestFile } from "@slm/core";
import { formatBytes } from "@slm/core/format";
import { SlmCommand } from "../ui/slm-command.js";

export interface PullResult {
  readonly bundle: string;
  readonly digest: string;
  readonly files: readonly ManifestFile[];
}

export class PullCommand extends SlmCommand<PullResult> {
  static override summary = "Download a bundle from an OCI registry and verify every file.";
  static override description =
    "Writes the whole directory or nothing. A digest in the reference guarantees that you get the bundle that was pushed. " +
    "Credentials are read from SLM_REGISTRY_USER and SLM_REGISTRY_PASSWORD. They are sent only to the registry and to the token server in SLM_REGISTRY_REALM.";
  static override args = {
    reference: Args.string({ required: true, description: "host[:port]/repository[:tag][@sha256:digest]" }),
  };
  static override flags = {
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Write to this directory. Default: the last component of the repository's name.",
    }),
  };
  static override examples = ["<%= config.bin %> pull localhost:5000/g2p:1.0 -o bundle"];

  protected override async execute(): Promise<PullResult> {
    const { args, flags } = await this.parse(PullCommand);
    const { parseOciReference, pullBundle, registryCredentials } = await import("@slm/deploy");
    const reference = parseOciReference(args.reference);
    const output = flags.output ?? reference.repository.split("/").at(-1)!;
    const credentials = registryCredentials(process.env);
    const { digest, manifest } = await pullBundle(reference, output, {
      signal: this.signal,
      credentials,
      onFile: (path, done, total) => {
        this.note(`pull  ${done}/${total}  ${path}`);
      },
    });
    return { bundle: output, digest, files: manifest.outputs };
  }

  protected override lines({ bundle, digest, files }: PullResult): readonly string[] {
    return [...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`), digest, bundle];
  }
}
