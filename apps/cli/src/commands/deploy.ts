import { Args, Flags } from "@oclif/core";
import type { ManifestFile } from "@slm/core";
import type { Delivery } from "@slm/slm/deploy/deliveries";
import { DESTINATIONS, isDestination, type Destination } from "@slm/slm/deploy/destinations";
import { GateFailed, SlmError } from "@slm/core/errors";
import { formatBytes } from "@slm/core/format";
import { ENGINES } from "@slm/exported-model/engine";
import { threadsFlag } from "../flags/recipe-flags.js";
import { SlmCommand } from "../ui/slm-command.js";

export interface DeployResult extends Delivery {
  /** A built-in destination, or one of an extension. */
  readonly target: string;
  /** Files of the delivered bundle. */
  readonly files: readonly ManifestFile[];
}

/** Suffix that the default of `--output` appends to MODEL. */
const OUTPUT_SUFFIX: Readonly<Record<Destination, string>> = {
  dir: "bundle",
  oci: "bundle",
  hub: "hub",
  npm: "npm.tgz",
  web: "site",
  server: "server",
  device: "device-bench.json",
};

export class DeployCommand extends SlmCommand<DeployResult> {
  static override summary = "Pack a model with everything a device needs into a bundle, and deliver it.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle; a bundle is delivered unchanged. The model card of a " +
    "bundle made by this command has the run's name and figures of quality if MODEL is in the directory of a run. Credentials for registries are read from " +
    "SLM_REGISTRY_USER and SLM_REGISTRY_PASSWORD, for the hub from HF_TOKEN.";
  static override args = {
    model: Args.string({ required: true, description: "Directory of a model, or a .slm file." }),
  };
  static override flags = {
    to: Flags.string({
      default: "dir",
      helpValue: DESTINATIONS.join("|"),
      summary: "Deliver to this kind of destination; extensions add more.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<path>",
      summary:
        "Write to this path; .slm at its end makes a single file. Default: MODEL with a suffix, such as MODEL-bundle.",
    }),
    name: Flags.string({
      helpValue: "<text>",
      summary: "Use this name on the model card and for the package, page or service.",
    }),
    summary: Flags.string({
      helpValue: "<text>",
      summary: "Put this sentence at the top of the model card.",
    }),
    abstain: Flags.string({
      helpValue: "<file>",
      summary: "Choose a confidence threshold on these held-out rows; answers below it are withheld.",
    }),
    sign: Flags.string({ helpValue: "<key.pem>", summary: "Sign the bundle with this Ed25519 key." }),
    reference: Flags.string({
      helpValue: "<host/repository:tag>",
      summary: "Push to this repository and tag of an OCI registry.",
      helpGroup: "OCI",
    }),
    repo: Flags.string({
      helpValue: "<owner/name>",
      summary: "Upload to this repository of the hub.",
      helpGroup: "HUB",
    }),
    licence: Flags.string({
      default: "other",
      helpValue: "<spdx>",
      summary: "Publish the model under this licence.",
      helpGroup: "HUB",
    }),
    "package-version": Flags.string({
      default: "1.0.0",
      helpValue: "<x.y.z>",
      summary: "Publish the package as this version.",
      helpGroup: "NPM",
    }),
    engine: Flags.option({ options: ENGINES })({
      summary:
        "Run the model with this engine. Default: in a page wasm, if the model has a portable form; in an npm package the faster one.",
      helpGroup: "WEB AND NPM",
    }),
    port: Flags.integer({
      default: 8000,
      min: 1,
      max: 65_535,
      summary: "Let the service listen on this port.",
      helpGroup: "SERVER",
    }),
    device: Flags.string({
      helpValue: "<ssh:user@host|adb>",
      summary: "Copy to this device.",
      helpGroup: "DEVICE",
    }),
    "device-dir": Flags.string({
      default: "slm-bundles",
      helpValue: "<dir>",
      summary: "Copy into this directory on the device.",
      helpGroup: "DEVICE",
    }),
    "device-command": Flags.string({
      default: "slm",
      helpValue: "<path>",
      summary: "Run slm on the device with this command.",
      helpGroup: "DEVICE",
    }),
    "dry-run": Flags.boolean({ summary: "Prepare everything and send nothing." }),
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> deploy runs/quickstart/quantize --to dir -o bundle",
    "<%= config.bin %> deploy runs/quickstart/deploy -o model.slm --sign key.pem",
    "<%= config.bin %> deploy runs/quickstart/deploy --to oci --reference localhost:5000/g2p:1.0",
    "<%= config.bin %> deploy runs/quickstart/deploy --to web -o site",
  ];

  protected override async execute(): Promise<DeployResult> {
    const { args, flags } = await this.parse(DeployCommand);
    const { DELIVERIES } = await import("@slm/slm/deploy/deliveries");
    const { makeBundle, withBundle } = await import("@slm/slm/deploy/make-bundle");
    const { siblingPath } = await import("@slm/slm/deploy/make-bundle");
    const {
      to,
      name,
      summary,
      sign,
      threads,
      output = siblingPath(args.model, isDestination(to) ? OUTPUT_SUFFIX[to] : to),
    } = flags;
    await requireDestination(to);
    const { progress } = this.context(1);
    const { signal } = this;
    const card = { ...(name === undefined ? {} : { name }), ...(summary === undefined ? {} : { summary }) };
    const { abstain, engine } = flags;
    const request = { model: args.model, card, sign, abstain, engine, threads, progress, signal };
    if (to === "dir" && !output.endsWith(".slm")) {
      await makeBundle(output, request);
      return { target: to, bundle: output, files: await this.verified(output) };
    }
    return withBundle(request, async (bundle) => {
      const files = await this.verified(bundle);
      const common = {
        bundle,
        output,
        name,
        signal,
        dryRun: flags["dry-run"],
        environment: process.env,
        note: (text: string): void => {
          this.note(text);
        },
      };
      if (!isDestination(to)) {
        const { DEPLOY_TARGETS } = await import("@slm/deploy");
        return { target: to, ...(await DEPLOY_TARGETS.rows[to]!.deliver(common)), files };
      }
      if (to === "dir") {
        const { packBundle } = await import("@slm/deploy");
        await packBundle(bundle, output);
        return { target: to, bundle: output, files };
      }
      const delivery = await DELIVERIES[to]({
        ...common,
        reference: flags.reference,
        repository: flags.repo,
        licence: flags.licence,
        packageVersion: flags["package-version"],
        engine: flags.engine,
        port: flags.port,
        device: flags.device,
        deviceDirectory: flags["device-dir"],
        deviceCommand: flags["device-command"],
      });
      if (delivery.next !== undefined) this.note(`next: ${delivery.next}`);
      return { target: to, ...delivery, files };
    });
  }

  private async verified(bundle: string): Promise<readonly ManifestFile[]> {
    const { verifyDirectory } = await import("@slm/core");
    const { files, problems } = await verifyDirectory(bundle);
    if (problems.length === 0) return files;
    throw new GateFailed(`${bundle} does not match its manifest after writing`, { bundle, files, problems }, [
      "check the disk, then deploy again",
    ]);
  }

  protected override lines({ bundle, files, written = [] }: DeployResult): readonly string[] {
    const pages = written.filter((path) => !path.startsWith("model/"));
    return [
      ...pages.map((path) => `${"".padStart(10)}  ${path}`),
      ...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`),
      bundle,
    ];
  }
}

/** @throws SlmError USAGE for a destination that neither slm nor an extension provides */
async function requireDestination(to: string): Promise<void> {
  if (isDestination(to)) return;
  const { DEPLOY_TARGETS } = await import("@slm/deploy");
  if (DEPLOY_TARGETS.has(to)) return;
  throw new SlmError(
    "USAGE",
    `--to: expected one of ${[...DESTINATIONS, ...DEPLOY_TARGETS.names].join(", ")}, got '${to}'`,
    { suggestions: ["slm deploy --help"] },
  );
}
