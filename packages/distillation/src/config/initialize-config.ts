/** `distill.initialize`: where a student's weights start. */
import { pathSetting } from "@slm/core";
import { LAYER_CHOICES } from "@slm/model";
import { z } from "zod";

const layers = z.union([z.enum(LAYER_CHOICES), z.array(z.int().nonnegative()).nonempty()]).optional();

const layersOf = (side: string): typeof layers =>
  layers.describe(
    `Of layers: which of the teacher's layers become those of the ${side}: every (every n-th, the first and the last included), first, ` +
      "ends (the first ones and the last ones), importance (those that change the states of the task's rows most), or a list counted from 0. " +
      "Default: every.",
  );

// The options of `layers` have no defaults, so that the settings of students without them are unchanged.
export const initializeConfig = z.strictObject({
  fromTeacher: z
    .enum(["none", "embeddings", "layers"])
    .default("none")
    .describe(
      "embeddings: initialize the student's embedding table from the teacher's. A narrower table gets its projection on the principal components. " +
        "layers: the whole student out of the layers of a decoder-only teacher, with tokens of the teacher's or of its own.",
    ),
  encoderLayers: layersOf("encoder"),
  decoderLayers: layersOf("decoder"),
  warmupSteps: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      "Of layers: steps at the start in which only cross-attention and the last norm learn; the other weights then warm up over distill.warmupSteps. Default: 0.",
    ),
  rate: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe(
      "Of embeddings and layers: learning rate of the teacher's weights, as a part of that of random weights of their size. Default: 0.25.",
    ),
  student: pathSetting
    .optional()
    .describe(
      "Directory of a student checkpoint of the same shape to start from. Embedding rows are matched by the text of tokens; length limits may differ. Default: random initialization.",
    ),
  vision: pathSetting
    .optional()
    .describe(
      "Directory of a vision-language checkpoint with the same tower, whose weights initialize the student's tower, and its projector if that has the same shapes. Default: random initialization.",
    ),
});

export type InitializeConfig = z.infer<typeof initializeConfig>;

/** Options that mean something only where layers come from the teacher. */
const LAYER_OPTIONS = ["encoderLayers", "decoderLayers", "warmupSteps"] as const;
/** Those of an encoder-decoder. */
const ENCODER_OPTIONS = ["encoderLayers", "warmupSteps"] as const;

interface Problem {
  readonly key: keyof InitializeConfig;
  readonly message: string;
}

/** What is wrong with a combination of settings. */
export function initializeProblems(
  start: InitializeConfig,
  { isDecoderOnly, hasAdapters }: { readonly isDecoderOnly: boolean; readonly hasAdapters: boolean },
): readonly Problem[] {
  const problems: Problem[] = [];
  if (start.student !== undefined && (start.vision !== undefined || start.fromTeacher !== "none"))
    problems.push({
      key: "student",
      message: "initializes the whole student: leave out vision and fromTeacher",
    });
  if (start.fromTeacher !== "layers")
    for (const key of LAYER_OPTIONS)
      if (start[key] !== undefined) problems.push({ key, message: "needs initialize.fromTeacher: layers" });
  if (start.fromTeacher === "none" && start.rate !== undefined)
    problems.push({ key: "rate", message: "needs initialize.fromTeacher: embeddings or layers" });
  if (isDecoderOnly)
    for (const key of ENCODER_OPTIONS)
      if (start[key] !== undefined)
        problems.push({ key, message: "a decoder-only student has neither an encoder nor cross-attention" });
  if (hasAdapters)
    for (const key of ["warmupSteps", "rate"] as const)
      if (start[key] !== undefined)
        problems.push({ key, message: "adapters learn at one rate: leave out lora, or this" });
  return problems;
}
