/** A published encoder-decoder as this project's model: its configuration, and where its weights are. */
import { SlmError } from "@slm/core";
import {
  fillSinusoids,
  parameterSpecs,
  type ActivationName,
  type EncoderDecoderConfig,
  type ParameterSpec,
} from "@slm/model";
import { elementCount } from "@slm/runtime";
import { z } from "zod";
import type { ExternalCheckpoint } from "../../external-checkpoint.js";
import type { ImportOptions } from "../mapping/import-config.js";
import type { WeightPlan } from "../mapping/import-weights.js";
import type { WeightSource } from "../mapping/weight-sources.js";

/** Names of the tensor that a parameter is read from: the first that the file has. */
export type NamesOf = (parameter: string) => readonly string[];

export interface PublishedModel {
  readonly config: EncoderDecoderConfig;
  readonly namesOf: NamesOf;
  /** What a parameter's numbers are multiplied by, for factors that our model does not have. Default: 1. */
  readonly scaleOf?: ((parameter: string) => number) | undefined;
  /** What is added before. Default: 0. */
  readonly shiftOf?: ((parameter: string) => number) | undefined;
  /** Rows of a parameter's tensor that are left out at its beginning. Default: 0. */
  readonly rowsBefore?: ((parameter: string) => number) | undefined;
  /** Whether a tensor may be there that no parameter is read from. */
  readonly isIgnored: (name: string) => boolean;
}

/** Reads one family. @throws SlmError CONFIG_INVALID or SHAPE_MISMATCH, naming what is not imported */
export type ReadPublished = (external: ExternalCheckpoint, options: ImportOptions) => PublishedModel;

/** Far above any model; sizes below decide how much is allocated before a tensor is looked at. */
export const size = z
  .int()
  .positive()
  .max(1 << 24);
const token = z.int().nonnegative();
const eos = z.union([token, z.array(token).min(1)]);

/** Special tokens in a configuration; a key may be absent or null. */
export const tokenKeys = {
  pad_token_id: token.nullish(),
  bos_token_id: token.nullish(),
  eos_token_id: eos.nullish(),
  decoder_start_token_id: token.nullish(),
} as const;

type TokenKeys = z.infer<z.ZodObject<typeof tokenKeys>>;

/** Ids that a family's configuration class has by default. */
export interface TokenDefaults {
  readonly pad: number;
  readonly eos: number;
  readonly start: number;
}

/** Special tokens: the decoder starts with `decoder_start_token_id`, which is BOS here. */
export function publishedTokens(source: TokenKeys, defaults: TokenDefaults): EncoderDecoderConfig["tokens"] {
  const pad = source.pad_token_id ?? defaults.pad;
  const ends = source.eos_token_id ?? defaults.eos;
  const [end = defaults.eos] = Array.isArray(ends) ? ends : [ends];
  return { pad, bos: source.decoder_start_token_id ?? defaults.start, eos: end, unknown: pad };
}

/** @throws SlmError CONFIG_INVALID naming the key and what was expected. */
export function parsePublished<Schema extends z.ZodType>(
  schema: Schema,
  { config, where }: Pick<ExternalCheckpoint, "config" | "where">,
): z.infer<Schema> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new SlmError("CONFIG_INVALID", `${where}: config.json: ${z.prettifyError(parsed.error)}`);
}

/** A row of a table by a value of the file. @throws SlmError CONFIG_INVALID naming the key and the values that are known. */
function rowOf<Row>(
  rows: Readonly<Record<string, Row>>,
  { key, value, where }: { readonly key: string; readonly value: string; readonly where: string },
): Row {
  const row = Object.hasOwn(rows, value) ? rows[value] : undefined;
  if (row !== undefined) return row;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: ${key} '${value.slice(0, 80)}' is not imported; known are ${Object.keys(rows).join(", ")}`,
    { context: { key } },
  );
}

type Activations = readonly [plain: ActivationName, gated: ActivationName];

const [ERF, TANH, QUICK, RELU, SILU] = [
  ["erf-gelu", "erf-geglu"],
  ["gelu", "geglu"],
  ["quick-gelu", "quick-geglu"],
  ["relu", "reglu"],
  ["silu", "swiglu"],
] as const satisfies readonly Activations[];

/** Functions by their names in configurations. Source: transformers 4.57, activations.py, `ACT2CLS`. */
const FUNCTIONS: Readonly<Record<string, Activations>> = {
  gelu: ERF,
  gelu_python: ERF,
  gelu_new: TANH,
  gelu_pytorch_tanh: TANH,
  gelu_python_tanh: TANH,
  gelu_fast: TANH,
  gelu_accurate: TANH,
  quick_gelu: QUICK,
  relu: RELU,
  silu: SILU,
  swish: SILU,
};

/** The feed-forward block of a function that a configuration names. @throws SlmError as {@link rowOf} */
export const activationOf = (
  named: { readonly key: string; readonly value: string; readonly where: string },
  isGated: boolean,
): ActivationName => rowOf(FUNCTIONS, named)[isGated ? 1 : 0];

/** Every layer has tensors, so a larger count means a corrupt file. Checked before anything is allocated per layer. */
export function checkLayers({ where, tensors }: ExternalCheckpoint, layers: number): void {
  if (layers <= tensors.length) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${where}: config.json says ${layers} layers, there are ${tensors.length} tensors in all`,
  );
}

/** Default lengths [tokens]: models without a table of positions take any, and a cache holds the target's. */
const DEFAULT_SOURCE = 1024;
const DEFAULT_TARGET = 256;

/**
 * The requested lengths, or the defaults as far as the model has positions.
 *
 * @throws SlmError CONFIG_INVALID if there are fewer positions
 */
export function publishedLengths(
  { maxSource, maxTarget }: Pick<ImportOptions, "maxSource" | "maxTarget">,
  positions: number,
  where: string,
): { readonly maxSource: number; readonly maxTarget: number } {
  const longest = Math.max(maxSource ?? 0, maxTarget ?? 0);
  if (longest > positions)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: the model has ${positions} positions, requested are ${longest}`,
      {
        suggestions: ["--max-source", "--max-target"],
      },
    );
  return {
    maxSource: maxSource ?? Math.min(DEFAULT_SOURCE, positions),
    maxTarget: maxTarget ?? Math.min(DEFAULT_TARGET, positions),
  };
}

/** Where every weight of a published model is. */
export function publishedWeights(model: PublishedModel, { tensors }: ExternalCheckpoint): WeightPlan {
  const { config, isIgnored, namesOf, scaleOf, shiftOf, rowsBefore } = model;
  const found = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const sources = parameterSpecs(config).map((parameter): WeightSource => {
    const names = namesOf(parameter.name);
    const name = names.find((candidate) => found.has(candidate)) ?? names[0]!;
    const firstRow = rowsBefore?.(parameter.name) ?? 0;
    return {
      parameter,
      name,
      shape: externalShape(parameter, found.get(name), firstRow),
      firstRow,
      shift: shiftOf?.(parameter.name) ?? 0,
      scale: scaleOf?.(parameter.name) ?? 1,
      computed: found.has(name) ? undefined : computedValues(parameter),
    };
  });
  return { sources, isIgnored };
}

/** The parameter's own shape; of a table that may have more rows, and of a bias that may be a row, that of the file. */
function externalShape(
  { name, shape }: ParameterSpec,
  actual: readonly number[] | undefined,
  firstRow: number,
): readonly number[] {
  if (actual === undefined) return shape;
  const [rows = 0, columns] = actual;
  const isTable = name.endsWith("positions.weight") && columns === shape[1] && rows >= firstRow + shape[0]!;
  const isRow = shape.length === 1 && rows === 1 && columns === shape[0];
  return isTable || isRow ? actual : shape;
}

/** The values of a parameter that files need not hold; undefined for others. */
function computedValues({ shape, initialization }: ParameterSpec): (() => Float32Array) | undefined {
  if (initialization.kind !== "sinusoids") return undefined;
  return () => {
    const values = new Float32Array(elementCount(shape));
    fillSinusoids(values, shape[1]!, initialization);
    return values;
  };
}

/** A name in which replacements were made, in order. */
export const renamed = (name: string, replacements: readonly (readonly [RegExp, string])[]): string =>
  replacements.reduce((result, [pattern, text]) => result.replace(pattern, text), name);
