/**
 * Rotary frequencies of an external configuration, with its RoPE scaling applied.
 *
 * Source: transformers 4.57, `modeling_rope_utils.py`; longrope: Ding et al. 2024 (arXiv:2402.13753).
 */
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { ExternalConfig } from "./external-config.js";

export interface ImportedRotation {
  readonly ropeTheta: number;
  /** Angle per position of every pair; absent if the base alone determines it. */
  readonly ropeInverseFrequencies?: readonly number[];
  /** Factor that the family applies to cos and sin; the importer folds its square into the queries. */
  readonly factor: number;
}

export interface RotationRequest {
  readonly config: ExternalConfig;
  readonly headDim: number;
  /** Number of positions that the imported model will use. */
  readonly capacity: number;
  readonly where: string;
}

const positive = z.number().positive();
const factors = z.array(positive).min(1);

const linearScaling = z.looseObject({ factor: positive });
const llama3Scaling = z.looseObject({
  factor: positive,
  low_freq_factor: positive,
  high_freq_factor: positive,
  original_max_position_embeddings: z.int().positive(),
});
const longropeScaling = z.looseObject({
  short_factor: factors,
  long_factor: factors,
  original_max_position_embeddings: z.int().positive().optional(),
  attention_factor: positive.nullish(),
  factor: positive.nullish(),
});

interface Scaled {
  readonly frequencies: readonly number[];
  readonly factor: number;
}

type Scaling = (plain: readonly number[], settings: unknown, request: RotationRequest) => Scaled;

const SCALINGS: Readonly<Record<string, Scaling>> = {
  default: (frequencies) => ({ frequencies, factor: 1 }),
  linear: (plain, settings, request) => {
    const { factor } = checked(linearScaling, settings, request);
    return { frequencies: plain.map((frequency) => frequency / factor), factor: 1 };
  },
  llama3: llama3,
  longrope: longrope,
  su: longrope,
};

/** Divides low frequencies by the factor, keeps high ones, interpolates between them. */
function llama3(plain: readonly number[], settings: unknown, request: RotationRequest): Scaled {
  const scaling = checked(llama3Scaling, settings, request);
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  const frequencies = plain.map((frequency) => {
    const turns = (scaling.original_max_position_embeddings * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const share = (turns - low) / (high - low);
    return (1 - share) * (frequency / factor) + share * frequency;
  });
  return { frequencies, factor: 1 };
}

/** One divisor per pair; the long divisors if positions exceed the original training length. */
function longrope(plain: readonly number[], settings: unknown, request: RotationRequest): Scaled {
  const scaling = checked(longropeScaling, settings, request);
  const { config, capacity, where } = request;
  const original = config.original_max_position_embeddings ?? scaling.original_max_position_embeddings;
  if (original === undefined) throw invalid(where, "longrope needs original_max_position_embeddings");
  const divisors = capacity > original ? scaling.long_factor : scaling.short_factor;
  if (divisors.length !== plain.length) {
    throw invalid(where, `longrope needs ${plain.length} factors, got ${divisors.length}`);
  }
  const grown =
    config.original_max_position_embeddings == null
      ? (scaling.factor ?? config.max_position_embeddings / original)
      : config.max_position_embeddings / original;
  const factor =
    scaling.attention_factor ?? (grown <= 1 ? 1 : Math.sqrt(1 + Math.log(grown) / Math.log(original)));
  return { frequencies: plain.map((frequency, pair) => frequency / divisors[pair]!), factor };
}

/** Default RoPE base. */
const DEFAULT_BASE = 10_000;

/**
 * The rotation of layers that attend to all positions.
 *
 * @throws SlmError CONFIG_INVALID for an unknown kind of scaling, or invalid settings.
 */
export function globalRotation(request: RotationRequest): ImportedRotation {
  const { config } = request;
  const settings = parametersOf(config, "full_attention") ?? config.rope_scaling ?? {};
  return rotationOf(settings, baseOf(settings) ?? config.rope_theta ?? DEFAULT_BASE, request);
}

/** The rotation of sliding-window layers; undefined if it is the same. */
export function slidingRotation(request: RotationRequest): ImportedRotation | undefined {
  const { config } = request;
  const settings = parametersOf(config, "sliding_attention");
  const base = settings === undefined ? config.rope_local_base_freq : baseOf(settings);
  return base == null ? undefined : rotationOf(settings ?? {}, base, request);
}

/** RoPE settings as in newer transformers versions: one set for all layers, or one for each kind of layer. */
function parametersOf(
  { rope_parameters: parameters }: ExternalConfig,
  kind: "full_attention" | "sliding_attention",
): Readonly<Record<string, unknown>> | undefined {
  if (parameters == null) return undefined;
  const own = z.looseObject({}).safeParse(parameters[kind]);
  if (own.success) return own.data;
  const perKind = "full_attention" in parameters || "sliding_attention" in parameters;
  return kind === "full_attention" && !perKind ? parameters : undefined;
}

const baseOf = (settings: Readonly<Record<string, unknown>>): number | undefined =>
  positive.safeParse(settings["rope_theta"]).data;

function rotationOf(
  settings: Readonly<Record<string, unknown>>,
  ropeTheta: number,
  request: RotationRequest,
): ImportedRotation {
  const { headDim, where } = request;
  const kind = settings["rope_type"] ?? settings["type"] ?? "default";
  const scaling = typeof kind === "string" && Object.hasOwn(SCALINGS, kind) ? SCALINGS[kind] : undefined;
  if (scaling === undefined) {
    const known = Object.keys(SCALINGS).join(", ");
    throw invalid(
      where,
      `rope_scaling of type ${JSON.stringify(kind)} is not supported; expected one of ${known}`,
    );
  }
  if (kind === "default") return { ropeTheta, factor: 1 };
  const plain = Array.from({ length: headDim / 2 }, (_, pair) => ropeTheta ** ((-2 * pair) / headDim));
  const { frequencies, factor } = scaling(plain, settings, request);
  return { ropeTheta, ropeInverseFrequencies: frequencies, factor };
}

function checked<Schema extends z.ZodType>(
  schema: Schema,
  settings: unknown,
  { where }: RotationRequest,
): z.infer<Schema> {
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  throw invalid(where, `rope_scaling: ${z.prettifyError(parsed.error)}`);
}

const invalid = (where: string, message: string): SlmError =>
  new SlmError("CONFIG_INVALID", `${where}: config.json: ${message}`);
