/**
 * The loss of draft heads: each head learns what the student itself would generate at its place. The student's distributions there are in
 * the same forward pass, so no teacher and no further pass is needed, and nothing but the heads has a gradient.
 *
 * Source of the idea that a head predicts a fixed number of places ahead: Stern et al. 2018 (arXiv:1811.03115), section 3; that it learns
 * the model's own distribution: Cai et al. 2024 (arXiv:2401.10774), section 2.3.2 (self-distillation).
 */
import {
  decode,
  draftHeadsOf,
  draftState,
  outputHead,
  readSource,
  type EncoderDecoderConfig,
  type Parameters,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { forwardKl, math, type Tensor, type TensorSpec } from "@slm/tensor";
import { modelPass, type LossDefinition, type PassShape } from "@slm/training";

/** Rows, padded lengths, and the positions of each row at which the heads are asked. */
export interface DraftShape extends PassShape {
  readonly positions: number;
}

/** Name of the passes' inputs. */
const PREFIX = "draft";

const headNames = (config: EncoderDecoderConfig): readonly string[] =>
  Array.from({ length: draftHeadsOf(config) }, (_, head) => `draft.${head + 1}`);

/** Inputs of a program over drafts. */
export function draftInputs(config: EncoderDecoderConfig, shape: DraftShape): Record<string, TensorSpec> {
  const { batch, positions } = shape;
  const pass = modelPass(config, shape);
  const asked = batch * positions;
  const perHead = headNames(config).flatMap((name): [string, TensorSpec][] => [
    [`${name}.at`, { dtype: "int32", shape: [asked] }],
    [`${name}.token`, { dtype: "int32", shape: [batch, positions] }],
    [`${name}.mask`, { dtype: "float32", shape: [asked] }],
    [`${name}.count`, { dtype: "float32", shape: [] }],
  ]);
  return {
    ...pass.shared,
    ...pass.passInputs(PREFIX),
    [`${PREFIX}.at`]: { dtype: "int32", shape: [asked] },
    [`${PREFIX}.next`]: { dtype: "int32", shape: [batch, positions] },
    ...Object.fromEntries(perHead),
  };
}

export interface DraftRows {
  readonly sources: readonly ArrayLike<number>[];
  readonly targets: readonly ArrayLike<number>[];
  readonly images?: readonly Uint8Array[] | undefined;
}

/** Positions of a target at which the first head has something to predict: all but the last two, EOS counted. */
export const askable = (target: ArrayLike<number>, longest: number): number =>
  Math.max(0, Math.min(target.length + 1, longest) - 1);

/**
 * Values of {@link draftInputs}.
 *
 * @param asked positions of each row, each below {@link askable}; at most `shape.positions`
 */
export function draftFeeds(
  config: EncoderDecoderConfig,
  shape: DraftShape,
  { sources, targets, images }: DraftRows,
  asked: readonly (readonly number[])[],
): Record<string, HostTensor> {
  const { batch, target: length, positions } = shape;
  const pass = modelPass(config, shape);
  const { target, labels } = targetsOf(pass.passFeeds(PREFIX, sources, targets).feeds);
  const size = batch * positions;
  const at = new Int32Array(size);
  const next = new Int32Array(size).fill(config.tokens.pad);
  const heads = headNames(config).map((name) => ({
    name,
    at: new Int32Array(size),
    token: new Int32Array(size).fill(config.tokens.pad),
    mask: new Float32Array(size),
    count: 0,
  }));
  asked.forEach((chosen, row) => {
    const known = askable(targets[row]!, length);
    chosen.forEach((position, place) => {
      const to = row * positions + place;
      at[to] = row * length + position;
      next[to] = labels.data[row * length + position] as number;
      heads.forEach((head, ahead) => {
        const there = position + ahead + 1;
        if (there > known) return;
        head.at[to] = row * length + there;
        head.token[to] = labels.data[row * length + there] as number;
        head.mask[to] = 1;
        head.count += 1;
      });
    });
  });
  const perHead = heads.flatMap(({ name, at: places, token, mask, count }): [string, HostTensor][] => [
    [`${name}.at`, createHostTensor("int32", [size], places)],
    [`${name}.token`, createHostTensor("int32", [batch, positions], token)],
    [`${name}.mask`, createHostTensor("float32", [size], mask)],
    [`${name}.count`, createHostTensor("float32", [], Float32Array.of(Math.max(1, count)))],
  ]);
  return {
    ...pass.sharedFeeds(sources, images),
    [`${PREFIX}.target`]: target,
    [`${PREFIX}.at`]: createHostTensor("int32", [size], at),
    [`${PREFIX}.next`]: createHostTensor("int32", [batch, positions], next),
    ...Object.fromEntries(perHead),
  };
}

const targetsOf = (
  feeds: Readonly<Record<string, HostTensor>>,
): { readonly target: HostTensor; readonly labels: HostTensor } => ({
  target: feeds[`${PREFIX}.target`]!,
  labels: feeds[`${PREFIX}.labels`]!,
});

/** One head inside a program: its logits, and the student's own at the same places, `[batch · positions, vocab]` each. */
interface HeadLogits {
  readonly name: string;
  readonly drafted: Tensor;
  readonly own: Tensor;
  readonly mask: Tensor;
  readonly count: Tensor;
}

function headLogits(
  config: EncoderDecoderConfig,
  { batch, target, positions }: DraftShape,
  parameters: Parameters,
  x: Readonly<Record<string, Tensor>>,
): readonly HeadLogits[] {
  const { width } = config;
  const { context } = readSource(config, parameters, {
    ids: x["ids"]!,
    lengths: x["lengths"]!,
    patches: x["patches"],
  });
  const decoded = decode(config, parameters, x[`${PREFIX}.target`]!, { source: context });
  const flat = math.reshape(decoded, [batch * target, width]);
  const logits = outputHead(config, parameters, flat);
  const names = headNames(config);
  let state = math.reshape(math.gatherRows(flat, x[`${PREFIX}.at`]!), [batch, positions, width]);
  let token = x[`${PREFIX}.next`]!;
  return names.map((name) => {
    state = draftState(config, parameters, { state, token, source: context });
    token = x[`${name}.token`]!;
    return {
      name,
      drafted: outputHead(config, parameters, math.reshape(state, [batch * positions, width])),
      own: math.gatherRows(logits, x[`${name}.at`]!),
      mask: x[`${name}.mask`]!,
      count: x[`${name}.count`]!,
    };
  });
}

/** The mean over the heads of KL(student || head) [nats per position]; the terms are the heads' own. Only heads may be trained by it. */
export function draftLoss(config: EncoderDecoderConfig, shape: DraftShape): LossDefinition {
  const names = headNames(config);
  return {
    inputs: draftInputs(config, shape),
    dropoutShapes: [],
    terms: names,
    build: (parameters, x) => {
      const terms = headLogits(config, shape, parameters, x).map(({ name, drafted, own, mask, count }) => {
        return [name, forwardKl({ logits: drafted, mask, count }, own)] as const;
      });
      const sum = terms.map(([, term]) => term).reduce((a, b) => math.add(a, b));
      return { loss: math.div(sum, names.length), terms: Object.fromEntries(terms) };
    },
  };
}

/**
 * How many positions each head is right at together with all heads before it, `[heads]`: with the number of positions that is the mean
 * number of drafts that greedy decoding accepts, if it goes on as the targets do.
 */
export function acceptedDrafts(
  config: EncoderDecoderConfig,
  shape: DraftShape,
  parameters: Parameters,
  x: Readonly<Record<string, Tensor>>,
): Tensor {
  let isRight: Tensor | undefined;
  const sums = headLogits(config, shape, parameters, x).map(({ drafted, own, mask }) => {
    const same = math.mul(math.equal(math.top1(drafted), math.top1(own)), mask);
    isRight = isRight === undefined ? same : math.mul(isRight, same);
    return math.reshape(math.sum(isRight), [1]);
  });
  return math.concat(sums, 0);
}
