/** Flags that choose the device of a model. Loads nothing but the names of devices. */
import { Flags } from "@oclif/core";
import {
  DEVICE_KINDS,
  parseDevice,
  type DeviceChoice,
  type DeviceRequest,
} from "@slm/pipeline/compute/devices";
import { threadsFlag } from "./recipe-flags.js";

export const deviceFlags = {
  device: Flags.custom<DeviceChoice>({
    helpValue: `<${DEVICE_KINDS.join("|")}[:profile]>`,
    summary: "Device that runs the model. Default: the one it was exported for. A fallback is reported.",
    parse: (text) => Promise.resolve(parseDevice(text)),
  })(),
  soc: Flags.string({
    helpValue: "<chip>",
    summary:
      "Chip to simulate, where a plug-in of the NPU's vendor simulates it (slm compile --help lists them).",
  }),
  fallback: Flags.boolean({
    default: true,
    allowNo: true,
    summary:
      "Run on the CPU if the device is not available (default); with --no-fallback the command exits with 69.",
  }),
  threads: threadsFlag,
  tune: Flags.boolean({
    summary:
      "First measure which thread settings are fastest for this model on this machine, and store them for later commands without --threads.",
    exclusive: ["threads"],
  }),
};

/** The device chosen by the flags. */
export function deviceRequest({ device, soc, fallback, threads, tune }: DeviceRequest): DeviceRequest {
  return { device, soc, fallback, threads, tune };
}
