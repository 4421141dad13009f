/** ONNX Runtime's environment of this process: one plug-in library and its devices. */
import { relative } from "node:path";
import { SlmError } from "@slm/core";
import { missingLibrary } from "./missing-library.js";
import { OrtApi, preloadLibrary, type Pointer } from "../ort/api.js";
import type { ListedDevice, NativeProvider } from "./provider.js";

/** 4 prints fatal messages only. Errors arrive as exceptions and need not be printed too. */
export const LOG_FATAL_ONLY = 4;

/** Source: enum OrtHardwareDeviceType. */
const KINDS: readonly ListedDevice["kind"][] = ["cpu", "gpu", "npu"];

/** Source: enum OrtDeviceMemoryType, OrtDeviceMemoryType_DEFAULT. */
const DEVICE_MEMORY = 0;

/** Metadata of a device: the library of its provider. Providers that are part of ONNX Runtime have none. */
const LIBRARY_PATH = "library_path";

interface OpenDevice extends ListedDevice {
  readonly address: Pointer;
}

export class NativeEnvironment {
  readonly api: OrtApi;
  readonly address: Pointer;
  readonly #provider: NativeProvider | undefined;
  readonly #devices: readonly OpenDevice[];

  /**
   * @param provider absent: ONNX Runtime's CPU provider only
   * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime or the plug-in cannot be loaded
   */
  constructor(provider: NativeProvider | undefined, api = new OrtApi()) {
    this.api = api;
    this.#provider = provider;
    this.address = api.pointer("CreateEnv", LOG_FATAL_ONLY, "slm");
    if (provider !== undefined) this.#register(provider);
    this.#devices = this.#list();
  }

  #register({ library, registrationName, virtual = false, preload = [] }: NativeProvider): void {
    try {
      preload.forEach(preloadLibrary);
      this.api.call(
        "RegisterExecutionProviderLibrary",
        this.address,
        virtual ? `${registrationName}.virtual` : registrationName,
        library,
      );
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const what = missingLibrary(why) ?? why;
      throw new SlmError(
        "DEVICE_UNAVAILABLE",
        `runtime-native: cannot load the plug-in ${library}: ${what}`,
        {
          cause,
          suggestions: ["slm doctor --check"],
        },
      );
    }
  }

  #list(): readonly OpenDevice[] {
    const { api } = this;
    return api.list("GetEpDevices", this.address).map((address) => {
      const hardware = api.plainPointer("EpDevice_Device", address);
      return {
        address,
        provider: String(api.plain("EpDevice_EpName", address)),
        kind: KINDS[Number(api.plain("HardwareDevice_Type", hardware))] ?? "unknown",
        vendor: String(api.plain("HardwareDevice_Vendor", hardware)),
        metadata: api.keyValues(api.plainPointer("EpDevice_EpMetadata", address)),
      };
    });
  }

  /** The plug-in's devices; empty without a plug-in. */
  get devices(): readonly ListedDevice[] {
    return this.#pluginDevices();
  }

  #pluginDevices(): readonly OpenDevice[] {
    return this.#provider === undefined ? [] : devicesOfLibrary(this.#devices, this.#provider.library);
  }

  /**
   *
   * The device that sessions use; undefined for the CPU.
   *
   * @throws SlmError DEVICE_UNAVAILABLE if the plug-in lists no device, or none with the requested metadata
   */
  chosenDevice(): OpenDevice | undefined {
    if (this.#provider === undefined) return undefined;
    const wanted = Object.entries(this.#provider.device ?? {});
    const all = this.#pluginDevices();
    const fitting = all.find(({ metadata }) => wanted.every(([key, value]) => metadata[key] === value));
    if (fitting !== undefined) return fitting;
    const { registrationName } = this.#provider;
    const why =
      all.length === 0
        ? "lists no device on this machine"
        : `lists no device with ${wanted.map(([key, value]) => `${key} ${value}`).join(", ")}; it has ` +
          all.map(({ metadata }) => wanted.map(([key]) => metadata[key] ?? "none").join(" ")).join(", ");
    throw new SlmError("DEVICE_UNAVAILABLE", `runtime-native: ${registrationName} ${why}`, {
      suggestions: ["slm doctor"],
    });
  }

  /** The provider that sessions use; undefined for the CPU. */
  get provider(): NativeProvider | undefined {
    return this.#provider;
  }

  /** Device memory that is not host memory, as `OrtMemoryInfo`; 0 if its tensors are in host memory. */
  deviceMemory(): Pointer {
    const device = this.chosenDevice();
    return device === undefined
      ? 0n
      : this.api.plainPointer("EpDevice_MemoryInfo", device.address, DEVICE_MEMORY);
  }

  /** Adds the plug-in's device and options to session options. Without a plug-in the CPU computes. */
  appendProvider(options: Pointer): void {
    const device = this.chosenDevice();
    if (device === undefined) return;
    const entries = Object.entries(this.#provider!.options);
    this.api.call(
      "SessionOptionsAppendExecutionProvider_V2",
      options,
      this.address,
      [device.address],
      1,
      entries.map(([key]) => key),
      entries.map(([, value]) => value),
      entries.length,
    );
  }
}

/**
 * The devices that a library lists. The provider's name is not enough, because ONNX Runtime has its own providers, such as WebGPU, and a plug-in may
 * use the same name.
 */
export function devicesOfLibrary<Device extends Pick<ListedDevice, "metadata">>(
  devices: readonly Device[],
  library: string,
): readonly Device[] {
  return devices.filter(({ metadata }) => {
    const path = metadata[LIBRARY_PATH];
    return path !== undefined && relative(path, library) === "";
  });
}
