/** Teachers with weights or a graph on this machine, as a recipe describes them. `@slm/labelling` adds those that only label. */
import { pathOrIdSetting, pathSetting } from "@slm/core";
import { z } from "zod";
import { CHECKPOINT_DTYPES } from "@slm/checkpoints";
import { trainedDecoderOnly, trainedEncoderDecoder, wholeShape, type WholeShape } from "@slm/model";
import { pruneConfig } from "@slm/tokenizer";
import { devMetrics, trainingFields, type TrainingSettings } from "@slm/training";
import { finetuneConfig } from "./finetune-config.js";
import { promptConfig } from "./prompt-config.js";

/** Largest number of teachers in an ensemble. */
export const MAX_MEMBERS = 64;

/** Weight formats of teachers. */
const TEACHER_PRECISIONS = ["float32", "int8", "int4"] as const;
export type TeacherPrecision = (typeof TEACHER_PRECISIONS)[number];

/** Without a default, so that adding this key did not change the settings of existing teachers, which would be retrained. */
const precision = z
  .enum(TEACHER_PRECISIONS)
  .optional()
  .describe(
    "Weight format for scoring and generating: float32, or block quantization to 8 or 4 bits (less memory; the distributions change " +
      "slightly). Default: float32.",
  );

const prompt = promptConfig.optional().describe("Prompt around every source, for text teachers.");

/** Vocabularies that have a name. */
const namedVocabulary = z.enum(["own", "run"]);

const teacherVocabulary = z.union([
  namedVocabulary,
  z
    .strictObject({ prune: pruneConfig })
    .describe("The teacher's own vocabulary, cut to the tokens that the run's texts and its prompt use."),
]);

/** Options that adapt an imported or copied teacher to the task. Without defaults where one would change existing settings. */
const forTask = {
  vocabulary: teacherVocabulary
    .optional()
    .describe(
      "own: the teacher's whole vocabulary. run: only the tokens of this run's tokenizer (kind pretrained, of the same model), so teacher, " +
        "cache and student share one vocabulary. {prune}: the teacher's own tokens that the run's texts use, for a student with another tokenizer. Rows of the " +
        "embedding table and the output head are cut. Default: own.",
    ),
  prompt,
  finetune: finetuneConfig
    .optional()
    .describe("LoRA fine-tuning on the task's rows, merged into the weights. Default: no fine-tuning."),
  precision,
};

const lengths = {
  maxSource: z
    .int()
    .positive()
    .optional()
    .describe("Longest source, prompt included [tokens]. Default: 1024."),
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
  kind: z.literal("import").describe("A published decoder-only model, imported as by 'slm teacher import'."),
  model: pathOrIdSetting.describe(
    "Directory or GGUF file, or a hub id: org/name, org/name@revision, hf:org/name/file.gguf, fetched into the hub's cache.",
  ),
  dtype: z.enum(CHECKPOINT_DTYPES).default("float32").describe("Type of its stored weights."),
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
      "The ONNX file inside it. Default: model.onnx, decoder_model_merged.onnx or decoder_model.onnx, there or in onnx/.",
    ),
  ...lengths,
  prompt,
});

/** Optional in the file, so that a teacher without an architecture is decoder-only. */
const architecture = z.literal("decoder-only").optional().default("decoder-only");

/** A model whose sizes can be filled in. */
function requireWhole(
  model: Parameters<typeof wholeShape>[0],
  issues: Parameters<typeof wholeShape>[1],
): void {
  wholeShape(model, issues);
}

/** Sizes that are left out stay so, because a teacher has none of the further settings that they give. */
const teacherShape = z.discriminatedUnion("architecture", [
  trainedDecoderOnly.extend({ architecture }).superRefine(requireWhole),
  trainedEncoderDecoder.extend({ architecture: z.literal("encoder-decoder") }).superRefine(requireWhole),
]);

/** All sizes of a trained teacher. */
export const trainedShape = (model: z.infer<typeof teacherShape>): WholeShape<typeof model> =>
  // What could be an issue was one when the recipe was read.
  wholeShape(model, { addIssue: () => undefined });

/** Every weight of a trained teacher is new, so there is nothing to adapt; it is small enough to keep its activations. */
const { lora: _lora, gradientCheckpointing: _checkpointing, ...everyWeight } = trainingFields;

const trainedTeacher = z.strictObject({
  kind: z.literal("train").describe("Train a teacher on the recipe's data."),
  model: teacherShape.describe(
    "Shape of the teacher; architecture: decoder-only (default) or encoder-decoder.",
  ),
  labelSmoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Label smoothing: share of the label's probability spread over the vocabulary."),
  ...everyWeight,
  metrics: devMetrics,
});

/** A trained teacher's settings as those of a training. */
export const teacherTraining = (settings: TrainedTeacherConfig): TrainingSettings => ({
  ...settings,
  gradientCheckpointing: false,
});

/** Settings of an ensemble member in addition to those of a teacher. */
const memberFields = {
  weight: z
    .number()
    .positive()
    .default(1)
    .describe("Weight of this member in the mean, relative to the others."),
};

/** Members have one vocabulary: no own one is cut. */
const memberVocabulary = namedVocabulary
  .optional()
  .describe("own or run, as of a single teacher. Default: own.");

const teacherMember = z.discriminatedUnion("kind", [
  checkpointTeacher.extend({ ...memberFields, vocabulary: memberVocabulary }),
  importedTeacher.extend({ ...memberFields, vocabulary: memberVocabulary }),
  graphTeacher.extend(memberFields),
  trainedTeacher.extend({
    seed: z
      .int()
      .nonnegative()
      .optional()
      .describe("Seed of this member. Default: the recipe's seed plus the member's place, counted from 0."),
    ...memberFields,
  }),
]);

const teacherEnsemble = z.strictObject({
  kind: z
    .literal("ensemble")
    .describe("An ensemble: the probabilities of several teachers are averaged token by token."),
  members: z
    .array(teacherMember)
    .min(1)
    .max(MAX_MEMBERS)
    .describe("The teachers. All need the vocabulary of this run."),
});

/** Kinds of teachers that give distributions; each is a value of `kind`. */
export const modelTeachers = [
  checkpointTeacher,
  importedTeacher,
  graphTeacher,
  trainedTeacher,
  teacherEnsemble,
] as const;

export type TrainedTeacherConfig = z.infer<typeof trainedTeacher>;
export type TeacherMemberConfig = z.infer<typeof teacherMember>;
