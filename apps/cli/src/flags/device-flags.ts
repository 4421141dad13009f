/** Flags that choose the device of a model. The module loads only the names of devices. */
import { Flags } from "@oclif/core";
import { DEVICE_KINDS, parseDevice, type DeviceChoice } from "@slm/slm/command-line";
import { ENGINES } from "@slm/exported-model/engine";
import { threadsFlag } from "./recipe-flags.js";

export const deviceFlags = {
  engine: Flags.option({ options: ENGINES })({
    summary:
      "Run the model with this engine. Default: the faster one for this model; 'slm info MODEL' says which.",
  }),
  device: Flags.custom<DeviceChoice>({
    helpValue: `<${DEVICE_KINDS.join("|")}[:profile]>`,
    summary: "Run the model on this device. Default: the device that it was exported for.",
    parse: (text) => Promise.resolve(parseDevice(text)),
  })(),
  soc: Flags.string({
    helpValue: "<chip>",
    summary: "Simulate this chip, if the NPU vendor's plug-in can ('slm compile --help' lists chips).",
  }),
  fallback: Flags.boolean({
    default: true,
    allowNo: true,
    summary:
      "Run on the CPU and say so if the device is not available (default); --no-fallback: exit with code 69.",
  }),
  threads: threadsFlag,
};
