/** Runs an imported encoder-decoder on whole sources and targets. */
import { SlmError } from "@slm/core";
import {
  crossCaches,
  decode,
  encode,
  outputHead,
  type EncoderDecoderConfig,
  type Parameters,
  type Weights,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { maskBias, math, type Engine, type Program, type Tensor } from "@slm/tensor";
import type { Expected } from "./library-outputs.js";

/** An imported model, and which peculiarities of its own library the check repeats. */
export interface CheckedModel {
  readonly config: EncoderDecoderConfig;
  readonly weights: Weights;
  readonly engine: Engine;
  /** Decodes answers with the library's cache, see `WindowCacheDecoder`. */
  readonly cutsSources?: boolean | undefined;
  /** Leaves padding tokens inside answers without a position, as the library does in models that count positions after padding's. */
  readonly leavesPads?: boolean | undefined;
}

/** Source ids as a program input. @throws SlmError DATA_INVALID for an id outside the vocabulary */
export const sourceIds = (
  { sourceVocabularySize, vocabularySize }: EncoderDecoderConfig,
  source: HostTensor,
): HostTensor => asIds(source, sourceVocabularySize ?? vocabularySize);

function asIds({ shape, data }: HostTensor, vocabularySize: number): HostTensor {
  const ids = Int32Array.from(data as ArrayLike<number | bigint>, Number);
  const wrong = ids.find((id) => id < 0 || id >= vocabularySize);
  if (wrong === undefined) return createHostTensor("int32", shape, ids);
  throw new SlmError(
    "DATA_INVALID",
    `reference: token id ${wrong} outside the vocabulary of ${vocabularySize}`,
  );
}

/** The model for whole sources and targets of these shapes. */
export function forwardProgram(
  { config, weights, engine, leavesPads }: CheckedModel,
  source: readonly number[],
  target: readonly number[],
): Promise<Program> {
  const inputs = Object.fromEntries(
    [...weights].map(([name, { shape }]) => [name, { dtype: "float32" as const, shape }]),
  );
  return engine.compile({
    name: "hugging-face-check",
    forwardOnly: true,
    inputs: {
      ...inputs,
      source: { dtype: "int32", shape: source },
      mask: { dtype: "float32", shape: source },
      target: { dtype: "int32", shape: target },
      ...(leavesPads === true ? { placed: { dtype: "float32" as const, shape: target } } : {}),
    },
    build: (x) => forwardPass(config, x),
  });
}

function forwardPass(config: EncoderDecoderConfig, x: Parameters): Record<string, Tensor> {
  const [source, mask, target] = [x["source"]!, x["mask"]!, x["target"]!];
  const { states: encoded } = encode(config, x, source, { mask });
  const bias = maskBias(math.reshape(mask, [mask.shape[0], 1, 1, mask.shape[1]!]));
  const context = { cross: crossCaches(config, x, encoded), bias };
  const decoded = decode(config, x, target, { source: context, placed: x["placed"] });
  return { encoded, logits: outputHead(config, x, decoded) };
}

/** Encoder outputs and logits of a {@link forwardProgram}. */
export async function forward(
  program: Program,
  { config, weights, leavesPads }: CheckedModel,
  { source, mask, target }: Pick<Expected, "source" | "mask" | "target">,
): Promise<{ readonly encoded: HostTensor; readonly logits: HostTensor }> {
  const feeds = {
    ...Object.fromEntries(weights),
    source: sourceIds(config, source),
    mask,
    target: asIds(target, config.vocabularySize),
    ...(leavesPads === true ? { placed: isNot(target, config.tokens.pad) } : {}),
  };
  const { fetched } = await program.run({ feeds, fetch: ["encoded", "logits"] });
  return { encoded: fetched["encoded"]!, logits: fetched["logits"]! };
}

/** 1 where a token differs from this one. */
const isNot = ({ shape, data }: HostTensor, token: number): HostTensor =>
  createHostTensor(
    "float32",
    shape,
    Float32Array.from(data as ArrayLike<number | bigint>, (id) => (Number(id) === token ? 0 : 1)),
  );
