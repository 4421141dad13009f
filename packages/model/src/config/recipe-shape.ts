/**
 * The shape of a model in a recipe: a named size, and settings that change it. Recipes have the options that are useful for slm's own models.
 * Options that only published models have belong to a configuration ({@link encoderDecoderShape}), which 'slm model init' reads.
 */
import { z } from "zod";
import { encoderDecoderShape } from "./config.js";
import { MODEL_SIZES, type SizeName } from "./model-sizes.js";

const sizeName = z.enum(Object.keys(MODEL_SIZES) as [SizeName, ...SizeName[]]);

/** Default longest source and target of a recipe's model [tokens]. */
const LONGEST = 128;

const { shape: options } = encoderDecoderShape;
const optional = (setting: z.ZodInt, byDefault: string): z.ZodOptional<z.ZodInt> =>
  setting.optional().describe(`${setting.description ?? ""} Default: ${byDefault}.`);

/** Settings of every model that a recipe describes. */
const common = {
  size: sizeName
    .optional()
    .describe(
      "Named size, which the settings below change. tiny: 0.6 million weights, small: 3, base: 20, large: 300. Default: small, unless width is given.",
    ),
  width: optional(options.width, "the size's"),
  heads: optional(options.heads, "the size's"),
  decoderLayers: optional(options.decoderLayers, "the size's"),
  maxSource: options.maxSource.default(LONGEST),
  maxTarget: options.maxTarget.default(LONGEST),
};
const encoderLayers = optional(options.encoderLayers, "the size's");

/** Settings of a teacher that is trained, before {@link wholeShape}. */
export const trainedDecoderOnly = z.strictObject(common);

/** More options of students, which the paper's model uses. */
const ofStudents = {
  ...common,
  kvHeads: optional(options.kvHeads, "heads"),
  headDim: optional(options.headDim, "width / heads"),
  feedForward: optional(options.feedForward, "4 x width"),
  bias: z
    .boolean()
    .optional()
    .describe("Add biases to linear layers. Default: false with a named size, otherwise true."),
};

/** Settings of a student that is an encoder-decoder, before {@link wholeShape}. */
export const encoderDecoderSettings = z.strictObject({
  encoderLayers,
  ...ofStudents,
  encoderPooling: options.encoderPooling
    .unwrap()
    .omit({ group: true })
    .optional()
    .describe(options.encoderPooling.description!),
});

/** Settings of a decoder-only student, before {@link wholeShape}. */
export const decoderOnlySettings = z.strictObject(ofStudents);

type Settings = z.infer<typeof trainedDecoderOnly> &
  Partial<Pick<z.infer<typeof decoderOnlySettings>, "kvHeads" | "headDim" | "feedForward" | "bias">> & {
    readonly architecture: "encoder-decoder" | "decoder-only";
    readonly encoderLayers?: number | undefined;
  };

type Sizes = Record<"width" | "heads" | "kvHeads" | "headDim" | "feedForward" | "decoderLayers", number>;

/** Settings that every size defines. */
export type WholeShape<Given> = Omit<Given, "size" | keyof Sizes | "bias" | "encoderLayers"> &
  Sizes & { bias: boolean } & (Given extends { architecture: "encoder-decoder" }
    ? { encoderLayers: number }
    : unknown);

/** Receives the problems of settings. */
interface Issues {
  addIssue(issue: { code: "custom"; path: string[]; message: string }): void;
}

/**
 * Fills in missing settings from the named size and from the other settings. Adds an issue for settings that are missing without a size, and for
 * heads that do not divide the width.
 */
export function wholeShape<Given extends Settings>(given: Given, issues: Issues): WholeShape<Given> {
  const { size = given.width === undefined ? "small" : undefined, ...own } = given;
  const preset: Partial<(typeof MODEL_SIZES)[SizeName]> = size === undefined ? {} : MODEL_SIZES[size];
  const reject = (key: string, message: string): void => {
    issues.addIssue({ code: "custom", path: [key], message });
  };
  const chosen = (key: keyof typeof preset): number => {
    const value = own[key] ?? preset[key];
    if (value === undefined) reject(key, "expected a number, or a named size such as size: small");
    return value ?? 1;
  };
  const [width, heads] = [chosen("width"), chosen("heads")];
  const { kvHeads = heads, headDim = width / heads, feedForward = 4 * width } = own;
  if (!Number.isInteger(headDim))
    reject(
      "heads",
      `${heads} heads do not divide width ${width}: choose heads that do, or a student's headDim`,
    );
  const { bias = size === undefined } = own;
  const layers = {
    ...(own.architecture === "encoder-decoder" ? { encoderLayers: chosen("encoderLayers") } : {}),
    decoderLayers: chosen("decoderLayers"),
  };
  const whole = { ...own, width, heads, kvHeads, headDim, feedForward, bias, ...layers };
  return whole as unknown as WholeShape<Given>;
}
