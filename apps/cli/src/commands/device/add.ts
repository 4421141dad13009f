import { Args, Flags } from "@oclif/core";
import type { DeviceId, PluginManifest, PluginOffer } from "@slm/runtime-native/plugins";
import { formatBytes } from "@slm/core/format";
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
  /** Result of the test of this release with exactly this file; null if it was not tested. */
  readonly tried: string | null;
  /** Whether the plug-in was already installed. */
  readonly wasInstalled: boolean;
  readonly folder: string;
}

export class DeviceAddCommand extends SlmCommand<DeviceAddResult> {
  static override summary = "Add a plug-in for a device: a vendor's execution provider for ONNX Runtime.";
  static override description =
    "slm downloads nothing: get the vendor's package yourself (a wheel, a zip archive or a folder). If you pass the name of a known " +
    "plug-in instead (qnn, openvino, webgpu, tensorrt-rtx, cuda), slm prints the download command. slm shows the licence, which you must " +
    "accept on a terminal or with --yes. It compares a wheel's files with the hashes in the wheel. To add any other plug-in, also pass " +
    "--as, --library, --register and, if the package does not state its version, --version.";
  static override args = {
    package: Args.string({ required: true, description: "Wheel, zip archive or folder." }),
  };
  static override flags = {
    as: Flags.string({
      helpValue: "<name>",
      summary: "Give the plug-in this name. Default: the name of the known plug-in.",
    }),
    sha256: Flags.string({
      helpValue: "<hash>",
      summary: "Require this SHA-256 of the package; it overrides the hashes in the wheel.",
    }),
    library: Flags.string({ helpValue: "<path>", summary: "Load this provider library of the package." }),
    register: Flags.string({
      helpValue: "<name>",
      summary: "Register the execution provider under this name, such as XExecutionProvider.",
    }),
    option: Flags.string({
      helpValue: "<key=value>",
      multiple: true,
      multipleNonGreedy: true,
      summary: "Open its devices with this provider option; repeatable.",
    }),
    serves: Flags.string({
      helpValue: "<device>",
      multiple: true,
      multipleNonGreedy: true,
      summary: "Use the plug-in for this device, named as in --device; repeatable.",
    }),
    version: Flags.string({
      helpValue: "<version>",
      summary: "Record this version of the plug-in. Default: the version in the package.",
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
      `${name} ${version} for ${platform}${wasInstalled ? ", already installed" : ""}`,
      `registered as ${registrationName}, for ${serves.length === 0 ? "no device that slm knows" : serves.join(", ")}`,
      `${formatBytes(bytes)}; ${tried === null ? "not tested with this release" : `tested with this release: ${tried}`}`,
      ...(mismatches.length === 0
        ? []
        : [
            `${mismatches.length} files do not match the wheel's RECORD; accepted because the package has the SHA-256 that you gave`,
          ]),
      folder,
    ];
  }
}
