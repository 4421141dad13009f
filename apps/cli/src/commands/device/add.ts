import { Args, Flags } from "@oclif/core";
import type { DeviceId, PluginManifest, PluginOffer } from "@slm/runtime-native/plugins";
import { formatBytes } from "@slm/pipeline/format/format";
import { SlmCommand } from "../../ui/slm-command.js";

export interface DeviceAddResult {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  /** The provider library in `folder`. */
  readonly library: string;
  readonly registrationName: string;
  readonly serves: readonly DeviceId[];
  readonly bytes: number;
  readonly licence: PluginOffer["licence"];
  readonly source: PluginManifest["source"];
  /** What this very file did when this release was tried with it; null if it was not. */
  readonly tried: string | null;
  /** Whether it was installed before. */
  readonly wasInstalled: boolean;
  readonly folder: string;
}

export class DeviceAddCommand extends SlmCommand<DeviceAddResult> {
  static override summary =
    "Add a plug-in for a device: an execution provider of ONNX Runtime by its vendor.";
  static override description =
    "The package is one that you obtained: a wheel, a zip archive or a folder. slm downloads nothing itself; with the " +
    "name of a known plug-in instead of a file it prints the command that does: qnn, openvino, webgpu, tensorrt-rtx, cuda. Its licence " +
    "is shown and must be accepted, on a terminal or with --yes. A wheel's files are compared with the hashes in it. Any other plug-in " +
    "is added with --as, --library, --register and, if its package does not say it, --version.";
  static override args = {
    package: Args.string({ required: true, description: "Wheel, zip archive or folder." }),
  };
  static override flags = {
    as: Flags.string({
      helpValue: "<name>",
      summary: "Name of the plug-in. Default: that of the known one.",
    }),
    sha256: Flags.string({
      helpValue: "<hash>",
      summary: "Expected SHA-256 of the file. It vouches for files that differ from the wheel's own hashes.",
    }),
    library: Flags.string({ helpValue: "<path>", summary: "The provider library in the package." }),
    register: Flags.string({
      helpValue: "<name>",
      summary: "Name of the execution provider: XExecutionProvider.",
    }),
    option: Flags.string({
      helpValue: "<key=value>",
      multiple: true,
      multipleNonGreedy: true,
      summary: "Provider option to open its devices with; may be repeated.",
    }),
    serves: Flags.string({
      helpValue: "<device>",
      multiple: true,
      multipleNonGreedy: true,
      summary: "Device that it opens, as --device names it; may be repeated.",
    }),
    version: Flags.string({
      helpValue: "<version>",
      summary: "Version of the plug-in. Default: what the package says.",
    }),
    yes: Flags.boolean({ char: "y", summary: "Accept the licence." }),
  };
  static override examples = [
    "<%= config.bin %> device add qnn",
    "<%= config.bin %> device add onnxruntime_qnn-2.7.0-cp311-cp311-manylinux_2_35_x86_64.whl",
    "<%= config.bin %> device add onnxruntime_ep_openvino-1.8.1-py3-none-manylinux_2_28_x86_64.whl --yes --json",
    "<%= config.bin %> device add sdk --as vitisai --library lib/libonnxruntime_providers_vitisai.so " +
      "--register VitisAIExecutionProvider --serves npu:vitisai --version 1.6",
  ];

  protected override async execute(): Promise<DeviceAddResult> {
    const { args, flags } = await this.parse(DeviceAddCommand);
    const { addPlugin, bytesOf } = await import("@slm/runtime-native/plugins");
    const { acceptLicence } = await import("../../ui/accept-licence.js");
    const { parseOptions, parseServed } = await import("../../flags/plugin-flags.js");
    const { as, sha256, library, register, version, yes } = flags;
    const { plugin, manifest, offer, wasInstalled } = await addPlugin({
      source: args.package,
      as,
      sha256,
      library,
      register,
      version,
      options: flags.option && parseOptions(flags.option),
      serves: flags.serves && parseServed(flags.serves),
      signal: this.signal,
      accept: (asked) =>
        acceptLicence(asked, {
          isAccepted: yes,
          isInteractive: process.stdin.isTTY && process.stderr.isTTY && !this.jsonEnabled(),
          path: args.package,
        }),
    });
    return {
      name: plugin.name,
      version: plugin.version,
      platform: manifest.platform,
      library: manifest.library,
      registrationName: plugin.registrationName,
      serves: plugin.serves,
      bytes: bytesOf(manifest),
      licence: offer.licence,
      source: manifest.source,
      tried: offer.tried,
      wasInstalled,
      folder: plugin.folder,
    };
  }

  protected override lines(result: DeviceAddResult): readonly string[] {
    const { name, version, platform, registrationName, serves, bytes, tried, wasInstalled, folder } = result;
    const { mismatches } = result.source;
    return [
      `${name} ${version} for ${platform}${wasInstalled ? ", was installed before" : ""}`,
      `registered as ${registrationName}, for ${serves.length === 0 ? "no device of slm yet" : serves.join(", ")}`,
      `${formatBytes(bytes)}; ${tried === null ? "this release was not tried with this file" : `tried with this release: ${tried}`}`,
      ...(mismatches.length === 0
        ? []
        : [
            `${mismatches.length} files are not what its RECORD says; the hash that you gave vouches for them`,
          ]),
      folder,
    ];
  }
}
