/** Checks that an imported teacher keeps the tokens of the run before it is fine-tuned. */
import { SlmError } from "@slm/core";
import { distillConfig, requiresDistributions } from "@slm/distillation";
import { teacherConfig } from "@slm/labelling";
import { tokenizerConfig } from "@slm/tokenizer";
import type { CheckRequest } from "./check.js";

/**
 * If the loss compares distributions and the tokenizer is pruned, checks that a teacher of the same model is pruned to the same tokens.
 *
 * @throws SlmError CONFIG_INVALID for a teacher with its whole vocabulary
 */
export function checkVocabulary({ sections }: Pick<CheckRequest, "sections">): void {
  const loss = distillConfig.safeParse(sections.distill).data?.loss;
  if (loss === undefined || !requiresDistributions(loss)) return;
  const tokenizer = tokenizerConfig.safeParse(sections.tokenizer).data;
  if (tokenizer?.kind !== "pretrained" || tokenizer.prune === undefined) return;
  const teacher = teacherConfig.safeParse(sections.teacher).data;
  if (teacher?.kind !== "import" || teacher.model !== tokenizer.model) return;
  if ((teacher.vocabulary ?? "own") !== "own") return;
  throw new SlmError(
    "CONFIG_INVALID",
    "teacher.vocabulary: expected run, because tokenizer.prune removes tokens of the teacher's model and the loss compares " +
      "distributions token by token, got own (the whole vocabulary)",
    {
      suggestions: [
        "--set teacher.vocabulary=run",
        "keep the whole vocabulary: --set tokenizer.prune=null",
        "learn only from labels: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
      ],
    },
  );
}
