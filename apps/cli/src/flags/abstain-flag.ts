import { Flags } from "@oclif/core";

export const abstainFlag = Flags.string({
  helpValue: "<x|file|off>",
  summary:
    "Withhold answers below this confidence (0 to 1), or below one chosen on a file of rows; off: none. " +
    "Default: the model's threshold, if it has one.",
});
