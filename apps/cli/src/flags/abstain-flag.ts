import { Flags } from "@oclif/core";

export const abstainFlag = Flags.string({
  helpValue: "<x|file|off>",
  summary:
    "Withhold answers with a lower confidence (0 to 1), or with a lower one than nearly all right answers to the rows of a file have. " +
    "Default: the threshold that 'slm deploy --abstain' put into the model, if any; off: none.",
});
