/**
 * The distillation loss as a program: a weighted sum over a table of terms. It needs one decoder pass if all terms use the same
 * targets. It needs two passes if the teacher's terms use on-policy targets and cross-entropy uses gold targets.
 */
import { imageTokensOf, outputHead, type ModelConfig, type ParameterSpec } from "@slm/model";
import {
  crossEntropy,
  ctc,
  DIVERGENCE_DEFAULTS,
  DIVERGENCES,
  math,
  scope,
  type MaskedLogits,
  type DivergenceName,
  type Tensor,
  type TensorSpec,
} from "@slm/tensor";
import {
  modelPass,
  type LossDefinition,
  type ModelPass,
  type ModelStates,
  type PassShape,
} from "@slm/training";
import type { HostTensor } from "@slm/runtime";
import { ctcFeeds, ctcSpecs, type CtcShape } from "./ctc-feeds.js";
import {
  isOwnTerm,
  requiresDistributions,
  requiresLabels,
  termsOf,
  weightOf,
  type LossConfig,
  type TermName,
} from "../config/loss-config.js";
import { LOSS_TERMS } from "../config/loss-terms.js";

/** `shared`: all terms use the same targets. `separate`: the teacher's terms use the targets that it scored (`distill`), cross-entropy uses `gold` targets. */
export type LossVariant = "shared" | "separate";

export interface StudentLossOptions {
  readonly config: ModelConfig;
  readonly loss: LossConfig;
}

/** The CTC head on the image tokens, `[width, vocabulary]`. */
const CTC_HEAD = "auxiliary.ctc";

/** Auxiliary trained tensors: the head of the `ctc` term. */
export function auxiliaryParameters({ config, loss }: StudentLossOptions): ParameterSpec[] {
  if (loss.ctc === 0) return [];
  const { width, vocabularySize } = config;
  const initialization = { kind: "normal", std: 1 / Math.sqrt(width) } as const;
  return [{ name: CTC_HEAD, shape: [width, vocabularySize], initialization }];
}

const ctcShape = (config: ModelConfig, { batch, target }: PassShape): CtcShape => ({
  batch,
  target,
  frames: imageTokensOf(config),
  vocabulary: config.vocabularySize,
});

/** Values of the `ctc` term. */
export const ctcValues = (
  config: ModelConfig,
  labels: readonly ArrayLike<number>[],
  shape: PassShape,
): Record<string, HostTensor> => ctcFeeds(labels, ctcShape(config, shape), config.tokens.pad);

/** The inputs of the terms for a batch, in a program. */
interface TermInputs {
  readonly loss: LossConfig;
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly x: Readonly<Record<string, Tensor>>;
  readonly states: ModelStates;
  /** Logits at the targets that the teacher scored, if any. */
  readonly distilled: MaskedLogits;
  /** Logits at the labelled targets, and their labels. */
  readonly labelled: MaskedLogits & { readonly labels: Tensor };
}

const divergence =
  (name: DivergenceName) =>
  ({ distilled, x }: TermInputs): Tensor =>
    DIVERGENCES[name].compute(distilled, x["teacher"]!, DIVERGENCE_DEFAULTS);

/** The implementation of each term; TypeScript rejects a missing one. */
const TERMS: { readonly [N in TermName]: (inputs: TermInputs) => Tensor } = {
  forwardKl: divergence("forwardKl"),
  reverseKl: divergence("reverseKl"),
  jensenShannon: divergence("jensenShannon"),
  crossEntropy: ({ labelled }) => crossEntropy(labelled, labelled.labels),
  ctc: ({ states, parameters, x }) => {
    const image = states.image();
    const [batch, frames, width] = image.shape as [number, number, number];
    const head = parameters[CTC_HEAD]!;
    const flat = math.matMul(math.reshape(image, [batch * frames, width]), head);
    return ctc({
      logits: math.reshape(flat, [batch, frames, head.shape[1]!]),
      states: x["ctc.states"]!,
      skip: x["ctc.skip"]!,
      end: x["ctc.end"]!,
      mask: x["ctc.mask"]!,
      count: x["ctc.count"]!,
    });
  },
};

function termValue(name: string, inputs: TermInputs): Tensor {
  if (isOwnTerm(name)) return TERMS[name](inputs);
  const { distilled, labelled, x } = inputs;
  const term = LOSS_TERMS.get(name)!;
  return term.needsDistributions
    ? term.compute({ math, ...distilled, teacherLogits: x["teacher"]! })
    : term.compute({ math, ...labelled });
}

/** Input prefixes of the passes of each variant. The first pass has the teacher's targets. */
const PASSES: { readonly [V in LossVariant]: readonly string[] } = {
  shared: ["distill"],
  separate: ["distill", "gold"],
};

/**
 * The loss for batches of one shape: the weighted sum of terms, each a mean over its loss tokens.
 *
 * Source of the default weights: arXiv:2501.16273, section on distillation (0.9 forward KL and 0.1 cross-entropy). Its reference code
 * (microsoft/encoder-decoder-slm, src/mu/train_text2text_by_kd.py, lines 286 to 291 and 331, commit 86c7c65) is the variant `separate` with two
 * differences: it averages the KL over padding too, and it encodes the source once for each pass, with dropout masks of its own.
 */
export function studentLoss(
  options: StudentLossOptions,
  shape: PassShape,
  variant: LossVariant,
): LossDefinition {
  const { config, loss } = options;
  const pass = modelPass(config, shape);
  const names = termsOf(loss);
  return {
    inputs: lossInputs(options, pass, shape, variant),
    dropoutShapes: pass.dropoutShapes(PASSES[variant].length),
    terms: [...names],
    build: (parameters, x) => {
      const inputs = termInputs(options, { pass, variant }, parameters, x);
      const terms = Object.fromEntries(names.map((name) => [name, termValue(name, inputs)]));
      const weighted = names.map((name) => math.mul(terms[name]!, weightOf(loss, name)));
      return { loss: weighted.reduce((sum, term) => math.add(sum, term)), terms };
    },
  };
}

function lossInputs(
  { config, loss }: StudentLossOptions,
  pass: ModelPass,
  shape: PassShape,
  variant: LossVariant,
): Record<string, TensorSpec> {
  const { batch, target } = shape;
  const positions = batch * target;
  const inputs: Record<string, TensorSpec> = { ...pass.shared };
  const counting = (prefix: string): Record<string, TensorSpec> => ({
    [`${prefix}.mask`]: { dtype: "float32", shape: [positions] },
    [`${prefix}.count`]: { dtype: "float32", shape: [] },
  });
  const labelled = PASSES[variant].at(-1)!;
  for (const prefix of PASSES[variant]) {
    Object.assign(inputs, pass.passInputs(prefix));
    const isLabelled = prefix === labelled && requiresLabels(loss);
    if (isLabelled) inputs[`${prefix}.labels`] = { dtype: "int32", shape: [positions] };
    const isDistilled = prefix === "distill" && requiresDistributions(loss);
    if (isLabelled || isDistilled) Object.assign(inputs, counting(prefix));
  }
  if (loss.ctc > 0) Object.assign(inputs, ctcSpecs(ctcShape(config, shape)));
  if (requiresDistributions(loss))
    inputs["teacher"] = { dtype: "float32", shape: [positions, config.vocabularySize] };
  return inputs;
}

/** Passes of a program over batches of one shape. */
interface Passes {
  readonly pass: ModelPass;
  readonly variant: LossVariant;
}

function termInputs(
  { config, loss }: StudentLossOptions,
  { pass, variant }: Passes,
  parameters: TermInputs["parameters"],
  x: TermInputs["x"],
): TermInputs {
  const states = pass.open(parameters, x);
  const logits = PASSES[variant].map((prefix) =>
    scope(prefix, () => outputHead(config, parameters, states.target(prefix))),
  );
  const labelled = PASSES[variant].at(-1)!;
  return {
    loss,
    parameters,
    x,
    states,
    distilled: { logits: logits[0]!, mask: x["distill.mask"]!, count: x["distill.count"]! },
    labelled: {
      logits: logits.at(-1)!,
      mask: x[`${labelled}.mask`]!,
      count: x[`${labelled}.count`]!,
      labels: x[`${labelled}.labels`]!,
    },
  };
}
