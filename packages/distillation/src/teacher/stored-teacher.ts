/** A teacher that only labels (a server or a program). All its answers are stored in the cache, in the student's tokens. */
import { SlmError } from "@slm/core";
import { cacheRowKinds, hasDistributions, labelsOnlyTeacher, type Teacher } from "@slm/teacher";
import type { TeacherReader } from "../sources/corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { requiresDistributions } from "../config/loss-config.js";
import { STORED_TARGETS } from "../config/target-shares.js";

/** Requirements of a run that only a model can fulfil, each with the settings that avoid it. */
interface Missing {
  readonly what: string;
  readonly suggestions: readonly string[];
}

/** The stored teacher: only its reading of rows. */
export interface StoredTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  readonly reader: TeacherReader;
  close(): Promise<void>;
}

/** @throws SlmError CONFIG_INVALID naming a requirement that the cache does not fulfil */
export async function openStoredTeacher(run: DistillRun, directory: string): Promise<StoredTeacher> {
  const missing = await missingIn(run);
  if (missing !== undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `distill: the teacher is a server or a program (${directory}), which only labels sources: it does not provide ${missing.what}`,
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
        `learn only from labels: ${LABELS_ALONE}`,
        "store the distributions of a server that returns log-probabilities: set teacher.logprobs above 0, and add a section cache",
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
