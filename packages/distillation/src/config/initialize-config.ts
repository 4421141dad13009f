/** The `distill.initialize` section: the initial weights of a student. */
import { pathSetting } from "@slm/core";
import { LAYER_CHOICES } from "@slm/model";
import { z } from "zod";

const layers = z.union([z.enum(LAYER_CHOICES), z.array(z.int().nonnegative()).nonempty()]).optional();

const layersOf = (side: string): typeof layers =>
  layers.describe(
    `For fromTeacher: layers. Which of the teacher's layers initialize the ${side}: every (every n-th, including the first and the last), first, ` +
      "ends (the first and the last ones), importance (the layers that change the hidden states of the task's rows most), or a list of indices from 0. " +
      "Default: every.",
  );

// The options of `layers` have no defaults, so that they do not appear in the settings of other students.
export const initializeConfig = z.strictObject({
  fromTeacher: z
    .enum(["none", "embeddings", "layers"])
    .default("none")
    .describe(
      "embeddings: initialize the student's embedding table from the teacher's. A narrower table gets the projection onto the principal components. " +
        "layers: initialize the whole student from the layers of a decoder-only teacher; the vocabularies may differ.",
    ),
  encoderLayers: layersOf("encoder"),
  decoderLayers: layersOf("decoder"),
  warmupSteps: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      "For fromTeacher: layers. Train only cross-attention and the last norm for this many steps; then the " +
        "other weights warm up over distill.warmupSteps. Default: 0.",
    ),
  rate: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe(
      "For fromTeacher: embeddings and layers. Learning rate of the teacher's weights relative to random weights of the same size. Default: 0.25.",
    ),
  student: pathSetting
    .optional()
    .describe(
      "Start from the student checkpoint in this directory, which must have the same shape. Embedding rows are matched " +
        "by token text; length limits may differ. Default: random initialization.",
    ),
});

export type InitializeConfig = z.infer<typeof initializeConfig>;

/** Options that require `fromTeacher: layers`. */
const LAYER_OPTIONS = ["encoderLayers", "decoderLayers", "warmupSteps"] as const;
/** Options that require an encoder-decoder. */
const ENCODER_OPTIONS = ["encoderLayers", "warmupSteps"] as const;

interface Problem {
  readonly key: keyof InitializeConfig;
  readonly message: string;
}

/** Invalid combinations of settings. */
export function initializeProblems(
  start: InitializeConfig,
  { isDecoderOnly, hasAdapters }: { readonly isDecoderOnly: boolean; readonly hasAdapters: boolean },
): readonly Problem[] {
  const problems: Problem[] = [];
  if (start.student !== undefined && start.fromTeacher !== "none")
    problems.push({ key: "student", message: "this initializes the whole student: remove fromTeacher" });
  if (start.fromTeacher !== "layers")
    for (const key of LAYER_OPTIONS)
      if (start[key] !== undefined)
        problems.push({ key, message: "requires initialize.fromTeacher: layers" });
  if (start.fromTeacher === "none" && start.rate !== undefined)
    problems.push({ key: "rate", message: "requires initialize.fromTeacher: embeddings or layers" });
  if (isDecoderOnly)
    for (const key of ENCODER_OPTIONS)
      if (start[key] !== undefined)
        problems.push({ key, message: "a decoder-only student has neither an encoder nor cross-attention" });
  if (hasAdapters)
    for (const key of ["warmupSteps", "rate"] as const)
      if (start[key] !== undefined)
        problems.push({ key, message: "adapters have a single learning rate: remove lora, or this setting" });
  return problems;
}
