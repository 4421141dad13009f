/** Flags that say what computes a model. Loads nothing but the names of devices. */
import { Flags } from "@oclif/core";
import { DEVICE_KINDS, parseDevice, type DeviceChoice, type DeviceRequest } from "./compute/devices.js";
import { threadsFlag } from "./recipe-flags.js";

export const deviceFlags = {
  device: Flags.custom<DeviceChoice>({
    helpValue: `<${DEVICE_KINDS.join("|")}[:profile]>`,
    summary: "What computes. Default: what the model was exported for; what takes its place is said.",
    parse: (text) => Promise.resolve(parseDevice(text)),
  })(),
  fallback: Flags.boolean({
    default: true,
    allowNo: true,
    summary: "Let the CPU compute where the device cannot (default); --no-fallback ends with 69.",
  }),
  threads: threadsFlag,
  tune: Flags.boolean({
    summary:
      "Measure first which threads run this model fastest on this machine, and keep them for later commands without --threads.",
    exclusive: ["threads"],
  }),
};

/** The device that the flags ask for. */
export function deviceRequest({ device, fallback, threads, tune }: DeviceRequest): DeviceRequest {
  return { device, fallback, threads, tune };
}
