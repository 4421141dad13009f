/** A published encoder-decoder as a model of slm: its configuration, and the sources of its weights. */
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

/** Possible names of a parameter's tensor. The first that the file contains is read. */
export type NamesOf = (parameter: string) => readonly string[];

export interface PublishedModel {
  readonly config: EncoderDecoderConfig;
  readonly namesOf: NamesOf;
  /** Factor on a parameter's numbers, for scales that slm's model does not have. Default: 1. */
  readonly scaleOf?: ((parameter: string) => number) | undefined;
  /** Added before scaling. Default: 0. */
  readonly shiftOf?: ((parameter: string) => number) | undefined;
  /** Leading rows of a parameter's tensor to skip. Default: 0. */
  readonly rowsBefore?: ((parameter: string) => number) | undefined;
  /** Whether a tensor that no parameter needs is allowed. */
  readonly isIgnored: (name: string) => boolean;
}

/** Reads one family. @throws SlmError CONFIG_INVALID or SHAPE_MISMATCH, naming what is not supported */
export type ReadPublished = (external: ExternalCheckpoint, options: ImportOptions) => PublishedModel;

/** Far above any model. The sizes below decide how much is allocated before a tensor is read. */
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

/** Default ids of a family's configuration class. */
export interface TokenDefaults {
  readonly pad: number;
  readonly eos: number;
  readonly start: number;
}

/** Special tokens. The decoder starts with `decoder_start_token_id`, which slm calls BOS. */
export function publishedTokens(source: TokenKeys, defaults: TokenDefaults): EncoderDecoderConfig["tokens"] {
  const pad = source.pad_token_id ?? defaults.pad;
  const ends = source.eos_token_id ?? defaults.eos;
  const [end = defaults.eos] = Array.isArray(ends) ? ends : [ends];
  return { pad, bos: source.decoder_start_token_id ?? defaults.start, eos: end, unknown: pad };
}

/** @throws SlmError CONFIG_INVALID with the key and the expected value. */
export function parsePublished<Schema extends z.ZodType>(
  schema: Schema,
  { config, where }: Pick<ExternalCheckpoint, "config" | "where">,
): z.infer<Schema> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new SlmError("CONFIG_INVALID", `${where}: config.json: ${z.prettifyError(parsed.error)}`);
}

/** An entry of a table, by a value of the file. @throws SlmError CONFIG_INVALID with the key and the supported values. */
function rowOf<Row>(
  rows: Readonly<Record<string, Row>>,
  { key, value, where }: { readonly key: string; readonly value: string; readonly where: string },
): Row {
  const row = Object.hasOwn(rows, value) ? rows[value] : undefined;
  if (row !== undefined) return row;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: ${key} '${value.slice(0, 80)}' is not supported; expected one of ${Object.keys(rows).join(", ")}`,
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

/** The feed-forward block for a function that a configuration names. @throws SlmError as {@link rowOf} */
export const activationOf = (
  named: { readonly key: string; readonly value: string; readonly where: string },
  isGated: boolean,
): ActivationName => rowOf(FUNCTIONS, named)[isGated ? 1 : 0];

/** Every layer has tensors, so a larger count means a corrupt file. Checked before anything is allocated per layer. */
export function checkLayers({ where, tensors }: ExternalCheckpoint, layers: number): void {
  if (layers <= tensors.length) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${where}: config.json has ${layers} layers, but there are only ${tensors.length} tensors in all`,
  );
}

/** Default lengths [tokens]. Models without a position table accept any length, but a cache must have room for the target. */
const DEFAULT_SOURCE = 1024;
const DEFAULT_TARGET = 256;

/**
 * The requested lengths, or the defaults, limited to the positions of the model.
 *
 * @throws SlmError CONFIG_INVALID if the model has fewer positions than requested
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
      `${where}: the model has ${positions} positions, but ${longest} were requested`,
      {
        suggestions: ["--max-source", "--max-target"],
      },
    );
  return {
    maxSource: maxSource ?? Math.min(DEFAULT_SOURCE, positions),
    maxTarget: maxTarget ?? Math.min(DEFAULT_TARGET, positions),
  };
}

/** The sources of all weights of a published model. */
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

/** The parameter's own shape. For a table that may have more rows, and a bias that may be a row, the shape in the file. */
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

/** The values of a parameter that files may lack; undefined for others. */
function computedValues({ shape, initialization }: ParameterSpec): (() => Float32Array) | undefined {
  if (initialization.kind !== "sinusoids") return undefined;
  return () => {
    const values = new Float32Array(elementCount(shape));
    fillSinusoids(values, shape[1]!, initialization);
    return values;
  };
}

/** Applies replacements to a name, in order. */
export const renamed = (name: string, replacements: readonly (readonly [RegExp, string])[]): string =>
  replacements.reduce((result, [pattern, text]) => result.replace(pattern, text), name);
