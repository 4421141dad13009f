/** A teacher that only labels, a server or a program: all that it says is stored in the cache, in the student's tokens. */
import { SlmError } from "@slm/core";
import { cacheRowKinds, hasDistributions, labelsOnlyTeacher, type Teacher } from "@slm/teacher";
import type { TeacherReader } from "../sources/corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { requiresDistributions } from "../config/loss-config.js";
import { STORED_TARGETS } from "../config/target-shares.js";

/** What a run asks for that only a model can give, each with the settings that do without. */
interface Missing {
  readonly what: string;
  readonly suggestions: readonly string[];
}

/** What is left of a teacher: how its rows are read. */
export interface StoredTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  readonly reader: TeacherReader;
  close(): Promise<void>;
}

/** @throws SlmError CONFIG_INVALID naming what the run needs and the cache does not have */
export async function openStoredTeacher(run: DistillRun, directory: string): Promise<StoredTeacher> {
  const missing = await missingIn(run);
  if (missing !== undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `distill: the teacher is a server or a program (${directory}), which only labels sources: it has no ${missing.what}`,
      { suggestions: missing.suggestions },
    );
  }
  const teacher = labelsOnlyTeacher(run.tokenizer);
  return {
    teacher,
    directory,
    reader: { limits: teacher.config, tokenizer: undefined },
    close: () => teacher.close(),
  };
}

const LABELS_ALONE = "--set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1";

async function missingIn({ settings, inputs }: DistillRun): Promise<Missing | undefined> {
  const { loss, targets } = settings;
  const { cacheDirectory: cache } = inputs;
  if (targets.onPolicyFraction > 0)
    return {
      what: "distributions over the student's samples",
      suggestions: ["--set distill.targets.onPolicyFraction=0"],
    };
  if (requiresDistributions(loss) && (cache === undefined || !(await hasDistributions(cache))))
    return {
      what: "stored distributions to compare with",
      suggestions: [
        `learn from labels alone: ${LABELS_ALONE}`,
        "store those of a server that gives log-probabilities: teacher.logprobs above 0, and a section cache",
      ],
    };
  const stored = cache === undefined ? new Set() : await cacheRowKinds(cache);
  const absent = STORED_TARGETS.find(({ kind, fraction }) => targets[fraction] > 0 && !stored.has(kind));
  if (absent === undefined) return undefined;
  const generated = absent.kind === "generated" ? "--set cache.generate=greedy" : "sources: data.unlabelled";
  return {
    what: `targets stored for distill.targets.${absent.fraction}`,
    suggestions: [generated, `--set distill.targets.${absent.fraction}=0`],
  };
}
