/** The error for a run that needs more of a teacher than its stored labels, if the teacher is a server or a program. */
import { SlmError } from "@slm/core";
import { cacheRowKinds } from "@slm/teacher";
import type { DistillRun } from "../config/distill-inputs.js";
import { requiresDistributions } from "../config/loss-config.js";
import { STORED_TARGETS } from "../config/target-shares.js";

/** Requirements of a run that only a model can fulfil, each with the settings that avoid it. */
interface Missing {
  readonly what: string;
  readonly suggestions: readonly string[];
}

/** The error that names a requirement which stored labels do not fulfil. */
export async function rejectLabeller(run: DistillRun, directory: string): Promise<SlmError> {
  const { what, suggestions } = await missingIn(run);
  return new SlmError(
    "CONFIG_INVALID",
    `distill: the teacher is a server or a program (${directory}), which only labels sources: it does not provide ${what}`,
    { suggestions },
  );
}

const LABELS_ALONE = "--set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1";

async function missingIn({ settings, inputs }: DistillRun): Promise<Missing> {
  const { loss, targets } = settings;
  const { cacheDirectory: cache } = inputs;
  if (targets.onPolicyFraction > 0)
    return {
      what: "distributions over the student's samples",
      suggestions: ["--set distill.targets.onPolicyFraction=0"],
    };
  if (requiresDistributions(loss))
    return {
      what: "distributions to compare with",
      suggestions: [`learn only from labels: ${LABELS_ALONE}`],
    };
  const stored = cache === undefined ? new Set() : await cacheRowKinds(cache);
  const absent = STORED_TARGETS.find(({ kind, fraction }) => targets[fraction] > 0 && !stored.has(kind))!;
  const generated = absent.kind === "generated" ? "--set cache.generate=greedy" : "sources: data.unlabelled";
  return {
    what: `targets stored for distill.targets.${absent.fraction}`,
    suggestions: [generated, `--set distill.targets.${absent.fraction}=0`],
  };
}
