/** Recipe settings of teachers with local weights or a local graph. `@slm/labelling` adds teachers that only label. */
import { pathOrIdSetting, pathSetting } from "@slm/core";
import { z } from "zod";
import { trainedDecoderOnly, wholeShape, type WholeShape } from "@slm/model";
import { pruneConfig } from "@slm/tokenizer";
import { devMetrics, trainingFields, type TrainingSettings } from "@slm/training";
import { finetuneConfig } from "./finetune-config.js";
import { promptConfig } from "./prompt-config.js";

/** Largest number of teachers in an ensemble. */
export const MAX_MEMBERS = 64;

/** Weight formats of teachers. */
const TEACHER_PRECISIONS = ["float32", "int8", "int4"] as const;
export type TeacherPrecision = (typeof TEACHER_PRECISIONS)[number];

/** No default, because a new key in the settings of existing teachers would retrain them. */
const precision = z
  .enum(TEACHER_PRECISIONS)
  .optional()
  .describe(
    "Weight format for scoring and generation: float32, or block quantization to 8 or 4 bits (less memory; the distributions change " +
      "slightly). Default: float32.",
  );

const prompt = promptConfig.optional().describe("Prompt around every source, for text teachers.");

/** Named vocabularies. */
const namedVocabulary = z.enum(["own", "run"]);

const teacherVocabulary = z.union([
  namedVocabulary,
  z
    .strictObject({ prune: pruneConfig.pick({ keepFirst: true }) })
    .describe("Prune the teacher's vocabulary to the tokens in the run's texts and the prompt."),
]);

/** Options that adapt an imported or copied teacher to the task. No defaults for new keys, because they would change existing settings. */
const forTask = {
  vocabulary: teacherVocabulary
    .optional()
    .describe(
      "own: the teacher's whole vocabulary. run: only the tokens of this run's tokenizer (kind pretrained, from the same model), so teacher, " +
        "cache and student share one vocabulary. {prune}: only the teacher's tokens in the run's texts, for a student with another tokenizer. Rows of the " +
        "embedding table and the output head are removed. Default: own.",
    ),
  prompt,
  finetune: finetuneConfig
    .optional()
    .describe(
      "LoRA fine-tuning on the task's rows; the adapters are merged into the weights. Default: no fine-tuning.",
    ),
  precision,
};

const lengths = {
  maxSource: z
    .int()
    .positive()
    .optional()
    .describe("Longest source, including the prompt [tokens]. Default: 1024."),
  maxTarget: z.int().positive().optional().describe("Longest target [tokens]. Default: 256."),
};

const checkpointTeacher = z.strictObject({
  kind: z
    .literal("checkpoint")
    .describe("A checkpoint on disk, decoder-only or encoder-decoder, such as an earlier student."),
  path: pathSetting.describe("Checkpoint directory."),
  ...forTask,
});

const importedTeacher = z.strictObject({
  kind: z
    .literal("import")
    .describe("A published decoder-only model, imported like with 'slm teacher import'."),
  model: pathOrIdSetting.describe(
    "Directory or GGUF file, or a hub id: org/name, org/name@revision, hf:org/name/file.gguf, fetched into the hub's cache.",
  ),
  ...lengths,
  ...forTask,
});

const graphTeacher = z.strictObject({
  kind: z.literal("onnx").describe("A decoder-only ONNX model with its tokenizer.json, run unchanged."),
  path: pathSetting.describe("Directory of the model, in the layout of Hugging Face's exports."),
  file: z
    .string()
    .min(1)
    .optional()
    .describe(
      "ONNX file in this directory. Default: model.onnx, decoder_model_merged.onnx or decoder_model.onnx, also in onnx/.",
    ),
  ...lengths,
  prompt,
});

/** Fills in a named size. Other settings of the size are not added, because teachers do not have them. */
const teacherShape = trainedDecoderOnly.superRefine((model, issues) => {
  wholeShape({ ...model, architecture: "decoder-only" }, issues);
});

/** The resolved sizes of a trained teacher. */
export const trainedShape = (model: z.infer<typeof teacherShape>): WholeShape<TrainedShape> =>
  // The recipe's check has already reported all issues.
  wholeShape({ ...model, architecture: "decoder-only" }, { addIssue: () => undefined });

type TrainedShape = z.infer<typeof teacherShape> & { readonly architecture: "decoder-only" };

/** Settings that a trained teacher does not have: all its weights are new, and it is small. */
const {
  lora: _lora,
  gradientCheckpointing: _checkpointing,
  mixedPrecision: _precision,
  ...everyWeight
} = trainingFields;

const trainedTeacher = z.strictObject({
  kind: z.literal("train").describe("Train a teacher on the recipe's data."),
  model: teacherShape.describe("Shape of the teacher, a decoder-only model."),
  labelSmoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Label smoothing: share of the label's probability to spread over the vocabulary."),
  ...everyWeight,
  metrics: devMetrics,
});

/** Converts a trained teacher's settings to training settings. */
export const teacherTraining = (settings: TrainedTeacherConfig): TrainingSettings => ({
  ...settings,
  gradientCheckpointing: false,
});

/** Settings of an ensemble member, in addition to the settings of a teacher. */
const memberFields = {
  weight: z
    .number()
    .positive()
    .default(1)
    .describe("Weight of this member in the mean, relative to the other members."),
};

/** Members share a vocabulary, so pruning is not available. */
const memberVocabulary = namedVocabulary
  .optional()
  .describe("own or run, as for a single teacher. Default: own.");

const teacherMember = z.discriminatedUnion("kind", [
  checkpointTeacher.extend({ ...memberFields, vocabulary: memberVocabulary }),
  importedTeacher.extend({ ...memberFields, vocabulary: memberVocabulary }),
  graphTeacher.extend(memberFields),
  trainedTeacher.extend({
    seed: z
      .int()
      .nonnegative()
      .optional()
      .describe("Seed of this member. Default: the recipe's seed plus the member's index, from 0."),
    ...memberFields,
  }),
]);

const teacherEnsemble = z.strictObject({
  kind: z
    .literal("ensemble")
    .describe("An ensemble: the mean of the probabilities of several teachers, token by token."),
  members: z
    .array(teacherMember)
    .min(1)
    .max(MAX_MEMBERS)
    .describe("The teachers. All must have the vocabulary of this run."),
});

/** Kinds of teachers with distributions; each is a value of `kind`. */
export const modelTeachers = [
  checkpointTeacher,
  importedTeacher,
  graphTeacher,
  trainedTeacher,
  teacherEnsemble,
] as const;

export type TrainedTeacherConfig = z.infer<typeof trainedTeacher>;
export type TeacherMemberConfig = z.infer<typeof teacherMember>;
