/** The error for a run that needs a model as its teacher, if the teacher is a server or a program. */
import { SlmError } from "@slm/core";
import type { DistillConfig } from "../config/distill-config.js";

/** The error that names what a teacher that only labels does not provide. */
export function rejectLabeller({ targets }: Pick<DistillConfig, "targets">, directory: string): SlmError {
  const [what, suggestion] =
    targets.onPolicyFraction > 0
      ? ["distributions over the student's samples", "--set distill.targets.onPolicyFraction=0"]
      : [
          "distributions to compare with",
          "learn only from labels: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
        ];
  return new SlmError(
    "CONFIG_INVALID",
    `distill: the teacher is a server or a program (${directory}), which only labels sources: it does not provide ${what}`,
    { suggestions: [suggestion] },
  );
}
