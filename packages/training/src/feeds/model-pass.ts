/**
 * The forward pass of both architectures over pairs, inside a program: its feeds and its hidden states. An encoder-decoder encodes the source
 * once for all passes over targets; a decoder-only model reads `[source ; target]` in each pass.
 */
import {
  decode,
  decoderDropoutShapes,
  encoderDropoutShapes,
  imageTokensOf,
  readSource,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Parameters,
} from "@slm/model";
import { SlmError } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import { math, type Tensor, type TensorSpec } from "@slm/tensor";
import { sequenceBatch } from "./sequence.js";
import { sourceFeeds, sourceSpecs } from "./source-feeds.js";
import { labelFeeds, targetFeeds } from "./target-batch.js";

type Specs = Readonly<Record<string, TensorSpec>>;
type Inputs = Readonly<Record<string, Tensor>>;

/** Rows and padded lengths of a program; `source` counts text tokens, `target` decoder positions. */
export interface PassShape {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
}

/** Feeds of one pass over targets. */
interface PassFeeds {
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** Number of labels that count. */
  readonly lossTokens: number;
}

/** Hidden states of one batch, inside a program. */
export interface ModelStates {
  /** States before the output head for the targets called `prefix`, `[batch · target, width]`. */
  target(prefix: string): Tensor;
  /** The encoder's states of the images, `[batch, imageTokens, width]`; only for a vision-language model. */
  image(): Tensor;
}

/** The forward pass of one architecture. */
export interface ModelPass {
  /** Inputs that all passes share. */
  readonly shared: Specs;
  /** Inputs of one pass, apart from its labels, mask and count. */
  passInputs(prefix: string): Specs;
  /** Dropout masks in the order of use, for the given number of passes over targets. */
  dropoutShapes(passes: number): readonly (readonly number[])[];
  open(parameters: Parameters, x: Inputs): ModelStates;
  /** @param images pixel samples of each source's image, for a vision-language model. */
  sharedFeeds(
    sources: readonly ArrayLike<number>[],
    images?: readonly Uint8Array[],
  ): Readonly<Record<string, HostTensor>>;
  /** All inputs of one pass, including its labels, mask and count. */
  passFeeds(
    prefix: string,
    sources: readonly ArrayLike<number>[],
    targets: readonly ArrayLike<number>[],
  ): PassFeeds;
}

export function modelPass(config: ModelConfig, shape: PassShape): ModelPass {
  return config.architecture === "encoder-decoder"
    ? encoderDecoderPass(config, shape)
    : decoderOnlyPass(config, shape);
}

const ENCODER_FORM = "encoder form: ";

/** Name of the encoder's own form of a weight that the decoder reads too, if the forms differ. */
export const encoderForm = (name: string): string => ENCODER_FORM + name;

/** The weights as the encoder reads them. */
function encoderParameters(parameters: Parameters): Parameters {
  const forms = Object.entries(parameters).filter(([name]) => name.startsWith(ENCODER_FORM));
  const own = forms.map(([name, form]) => [name.slice(ENCODER_FORM.length), form]);
  return { ...parameters, ...(Object.fromEntries(own) as Parameters) };
}

function encoderDecoderPass(config: EncoderDecoderConfig, shape: PassShape): ModelPass {
  const { batch, source, target } = shape;
  return {
    shared: sourceSpecs(config, { rows: batch, source }),
    passInputs: (prefix) => ({ [`${prefix}.target`]: { dtype: "int32", shape: [batch, target] } }),
    dropoutShapes: (passes) => [
      ...encoderDropoutShapes(config, batch, source),
      ...repeat(passes, () => decoderDropoutShapes(config, batch, target)),
    ],
    open: (parameters, x) => {
      const [ids, lengths] = [x["ids"]!, x["lengths"]!];
      const { encoded, context } = readSource(config, encoderParameters(parameters), {
        ids,
        lengths,
        patches: x["patches"],
      });
      return {
        target: (prefix) => {
          const hidden = decode(config, parameters, x[`${prefix}.target`]!, { source: context });
          return math.reshape(hidden, [batch * target, config.width]);
        },
        image: () => math.split(encoded, [imageTokensOf(config), source], 1)[0]!,
      };
    },
    sharedFeeds: (sources, images) => sourceFeeds(config, { rows: batch, source }, sources, images),
    passFeeds: (prefix, _sources, targets) => targetFeeds(prefix, targets, shape, config.tokens),
  };
}

function decoderOnlyPass(config: DecoderOnlyConfig, shape: PassShape): ModelPass {
  const { batch, source, target } = shape;
  const length = source + target;
  const positions = batch * target;
  return {
    shared: {},
    passInputs: (prefix) => ({
      [`${prefix}.inputs`]: { dtype: "int32", shape: [batch, length] },
      [`${prefix}.positions`]: { dtype: "int32", shape: [positions] },
    }),
    dropoutShapes: (passes) => repeat(passes, () => decoderDropoutShapes(config, batch, length)),
    open: (parameters, x) => ({
      target: (prefix) => {
        const hidden = decode(config, parameters, x[`${prefix}.inputs`]!);
        return math.gatherRows(
          math.reshape(hidden, [batch * length, config.width]),
          x[`${prefix}.positions`]!,
        );
      },
      image: () => {
        throw new SlmError("UNEXPECTED", "training: a decoder-only model cannot read images");
      },
    }),
    sharedFeeds: () => ({}),
    passFeeds: (prefix, sources, targets) => {
      const { inputs, positions: at } = sequenceBatch(
        targets.map((tokens, row) => ({ source: sources[row]!, target: clip(tokens, target - 1) })),
        shape,
        config.tokens,
      );
      const { feeds: labels, lossTokens } = labelFeeds(prefix, targets, shape, config.tokens);
      return { feeds: { ...labels, [`${prefix}.inputs`]: inputs, [`${prefix}.positions`]: at }, lossTokens };
    },
  };
}

/** The tokens that a pass feeds. If a target has the full width, its last token is only a label. */
const clip = (tokens: ArrayLike<number>, limit: number): ArrayLike<number> =>
  tokens.length <= limit ? tokens : Array.from(tokens).slice(0, limit);

const repeat = <T>(count: number, make: () => readonly T[]): T[] =>
  Array.from({ length: count }, make).flat();
