import { Args, Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";

/** MODEL, as an argument or as `--model`. */
export const modelArgument = Args.string({ required: false, description: "Directory of a model." });
export const modelFlag = Flags.string({
  helpValue: "<dir>",
  summary: "Use this model; same as the argument MODEL.",
});

/** Rejects bundles without a signature by this key. */
export const keyFlag = Flags.string({
  helpValue: "<key.pub.pem>",
  summary: "Load only a bundle signed with this key.",
});

/** Returns the model that the user named in either form.
 *
 * @throws SlmError USAGE when it is missing or given twice.
 */
export function modelOf(argument: string | undefined, flag: string | undefined): string {
  const [model, second] = [argument, flag].filter((value) => value !== undefined);
  if (model === undefined || second !== undefined) {
    throw new SlmError(
      "USAGE",
      `expected one model, got ${model === undefined ? "none" : "MODEL and --model"}`,
      {
        suggestions: ["name the directory of a checkpoint, an export, a quantized model or a bundle"],
      },
    );
  }
  return model;
}
