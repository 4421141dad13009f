/** RoPE scaling, from metadata or from tensors of factors. */
import type { GgufFile, GgufTensor } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { readTensor } from "../file/tensor-data.js";
import { shortest, type Settings } from "./settings.js";

/** Llama 3.1 to 3.3 differ only in the factor. Source: the `rope_scaling` of their published configurations. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 } as const;
/** Relative tolerance of factors, a few float32 steps. */
const FACTOR_TOLERANCE = 1e-5;

interface RotaryShape {
  readonly theta: number;
  /** Elements of a head that rotate. */
  readonly dimensions: number;
}

/** Hugging Face's `rope_scaling`; null for none. @throws SlmError DATA_INVALID for an unknown kind */
export async function ropeScaling(
  source: GgufFile,
  settings: Settings,
  shape: RotaryShape,
): Promise<Readonly<Record<string, unknown>> | null> {
  const factors = source.tensors.find(({ name }) => name === "rope_freqs.weight");
  if (factors !== undefined) return llama3Scaling(source.file, factors, shape);
  const long = source.tensors.find(({ name }) => name === "rope_factors_long.weight");
  const short = source.tensors.find(({ name }) => name === "rope_factors_short.weight");
  if (long !== undefined && short !== undefined) return longScaling(source.file, long, short);
  if (long !== undefined || short !== undefined) {
    throw invalid(source.file, "it has only one of rope_factors_long and rope_factors_short");
  }
  return namedScaling(source.file, settings);
}

function namedScaling(file: string, settings: Settings): Readonly<Record<string, unknown>> | null {
  const kind = settings.optionalText("rope.scaling.type") ?? "none";
  if (kind === "none") return null;
  if (kind !== "linear" && kind !== "yarn") {
    throw invalid(file, `rope.scaling.type is '${kind.slice(0, 80)}', expected none, linear or yarn`);
  }
  const factor = settings.number("rope.scaling.factor");
  if (kind === "linear") return { rope_type: kind, factor };
  const original = settings.size("rope.scaling.original_context_length");
  return { rope_type: kind, factor, original_max_position_embeddings: original };
}

/** The llama3 setting that reproduces the file's factors. Rejects factors that no setting reproduces. */
async function llama3Scaling(
  file: string,
  tensor: GgufTensor,
  { theta, dimensions }: RotaryShape,
): Promise<Readonly<Record<string, unknown>>> {
  const found = await readTensor(file, tensor);
  const factor = shortest(Math.max(...found));
  const expected = llama3Factors(factor, theta, dimensions);
  const fits =
    found.length === expected.length &&
    expected.every((value, at) => Math.abs(found[at]! - value) <= FACTOR_TOLERANCE * value);
  if (fits) return { rope_type: "llama3", factor, ...LLAMA3 };
  throw invalid(file, `rope_freqs.weight contains other factors than llama3 scaling by ${factor}`);
}

/**
 * Divisor of each frequency: 1 for short wavelengths, `factor` for long ones, interpolated in between.
 * Source: transformers, `_compute_llama3_parameters`.
 */
export function llama3Factors(factor: number, theta: number, dimensions: number): number[] {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context } = LLAMA3;
  return Array.from({ length: dimensions / 2 }, (_, at) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * at) / dimensions);
    const share = Math.min(1, Math.max(0, (context / wavelength - low) / (high - low)));
    return 1 / ((1 - share) / factor + share);
  });
}

async function longScaling(
  file: string,
  long: GgufTensor,
  short: GgufTensor,
): Promise<Readonly<Record<string, unknown>>> {
  const factorsOf = async (tensor: GgufTensor): Promise<number[]> =>
    Array.from(await readTensor(file, tensor), shortest);
  return { rope_type: "longrope", long_factor: await factorsOf(long), short_factor: await factorsOf(short) };
}
