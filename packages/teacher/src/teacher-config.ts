/** The `teacher` section of a recipe: where the teacher comes from. */
import { pathOrIdSetting, pathSetting } from "@slm/core";
import { z } from "zod";
import { CHECKPOINT_DTYPES } from "@slm/checkpoints";
import { decoderOnlyShape, encoderDecoderShape } from "@slm/model";
import { devMetrics, trainingFields } from "@slm/training";
import { finetuneConfig } from "./finetune-config.js";
import { promptConfig } from "./prompt-config.js";
import { MAX_MEMBERS } from "./teacher-directory.js";

/** Weights that a teacher computes with, by name. */
const TEACHER_PRECISIONS = ["float32", "int8", "int4"] as const;
export type TeacherPrecision = (typeof TEACHER_PRECISIONS)[number];

/** No default here: a teacher of hours is not made again because a key was added to its settings. */
const precision = z
  .enum(TEACHER_PRECISIONS)
  .optional()
  .describe(
    "Weights that score and generate: float32 as trained, or 8 or 4 bits in blocks (less memory; the distributions move a " +
      "little). Default: float32.",
  );

const prompt = promptConfig.optional().describe("Text around every source, for teachers that read text.");

/** What teachers that are made elsewhere may be given for the task. */
const forTask = {
  prompt,
  finetune: finetuneConfig
    .optional()
    .describe("Low-rank adapters trained on the task's rows and merged; absent: the teacher as it is."),
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
    .describe("A checkpoint on disk, decoder-only or encoder-decoder: an earlier student, say."),
  path: pathSetting.describe("Checkpoint directory."),
  ...forTask,
});

const importedTeacher = z.strictObject({
  kind: z
    .literal("import")
    .describe("A published decoder-only model, read as 'slm teacher import' reads it."),
  model: pathOrIdSetting.describe(
    "Directory or GGUF file, or a hub id: org/name, org/name@revision, hf:org/name/file.gguf, fetched into the hub's cache.",
  ),
  dtype: z.enum(CHECKPOINT_DTYPES).default("float32").describe("How its weights are stored."),
  ...lengths,
  ...forTask,
});

const graphTeacher = z.strictObject({
  kind: z
    .literal("onnx")
    .describe("A decoder-only model that is an ONNX file already, with its tokenizer.json: run as it is."),
  path: pathSetting.describe("Directory of the model, as Hugging Face's exports lay it out."),
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

const teacherShape = z.discriminatedUnion("architecture", [
  decoderOnlyShape.extend({ architecture }),
  encoderDecoderShape.omit({ vision: true }).extend({ architecture: z.literal("encoder-decoder") }),
]);

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
    .describe("Share of the label's probability spread over the vocabulary."),
  ...trainingFields,
  metrics: devMetrics,
});

/** Where the teachers are that were part of slm, by their former names. */
const FORMER_TEACHERS: Readonly<Record<string, string>> = {
  g2p: "configs/quickstart/teacher",
  "g2p-reader": "configs/g2p/teachers/first",
  "g2p-reader-second": "configs/g2p/teachers/second",
  "g2p-reader-third": "configs/g2p/teachers/third",
  "g2p-reader-fourth": "configs/g2p/teachers/fourth",
};

const formerTeacher = z.looseObject({ kind: z.literal("embedded"), name: z.string().default("g2p") });

/** A union by `kind`, whose error says what is written today for the kind `embedded`. */
function kindsOf<const Kinds extends Parameters<typeof z.discriminatedUnion>[1]>(kinds: Kinds) {
  return z.discriminatedUnion("kind", kinds, {
    error: ({ input }) => {
      const { success, data } = formerTeacher.safeParse(input);
      if (!success) return undefined;
      const directory = FORMER_TEACHERS[data.name] ?? "its checkpoint";
      return (
        "expected a checkpoint on disk, got 'embedded': write { kind: checkpoint, path: PATH }, with the path from the recipe's " +
        `folder to ${directory}`
      );
    },
  });
}

/** What a member has beside what a teacher of its own has. */
const memberFields = {
  weight: z
    .number()
    .positive()
    .default(1)
    .describe("Share of this member's probabilities in the mean; only the ratio to the others counts."),
};

const teacherMember = kindsOf([
  checkpointTeacher.extend(memberFields),
  importedTeacher.extend(memberFields),
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

export const teacherConfig = kindsOf([
  checkpointTeacher,
  importedTeacher,
  graphTeacher,
  trainedTeacher,
  z.strictObject({
    kind: z.literal("ensemble").describe("Several teachers, their probabilities averaged token by token."),
    members: z
      .array(teacherMember)
      .min(1)
      .max(MAX_MEMBERS)
      .describe("The teachers; all need the vocabulary of this run."),
  }),
]);

export type TeacherConfig = z.infer<typeof teacherConfig>;
export type TrainedTeacherConfig = z.infer<typeof trainedTeacher>;
export type TeacherMemberConfig = z.infer<typeof teacherMember>;
