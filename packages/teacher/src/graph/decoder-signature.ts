/**
 * Reads the inputs and outputs of a decoder-only graph with the names of Hugging Face's exports:
 *
 *   input_ids, attention_mask, position_ids, past_key_values.N.key, past_key_values.N.value -> logits, present.N.key, ...
 *
 * Source: optimum-onnx, exporters/onnx/model_configs.py; onnxruntime-genai, builder.py.
 */
import { SlmError } from "@slm/core";
import { shorten, type ModelOutline, type OnnxDType, type UntypedValue } from "@slm/onnx";

/** Accepted element types. */
const INTEGERS = ["int64", "int32"] as const;
const FLOATS = ["float32", "float16"] as const;
type IntegerDType = (typeof INTEGERS)[number];
type FloatDType = (typeof FLOATS)[number];

/** Known inputs other than caches. */
const INPUTS = {
  /** Tokens, `[batch, target]`. */
  input_ids: { dtypes: INTEGERS, ranks: [2] },
  /** 1 for each token, `[batch, past + target]`. */
  attention_mask: { dtypes: INTEGERS, ranks: [2] },
  /** Position of each token, `[batch, target]`. */
  position_ids: { dtypes: INTEGERS, ranks: [2] },
  /** Number of last positions with logits; 0 means all. */
  num_logits_to_keep: { dtypes: INTEGERS, ranks: [0, 1] },
  /** Whether the caches are in use. Only merged graphs have this input. */
  use_cache_branch: { dtypes: ["bool"], ranks: [1] },
} as const satisfies Readonly<
  Record<string, { readonly dtypes: readonly OnnxDType[]; readonly ranks: readonly number[] }>
>;
export type DecoderInput = keyof typeof INPUTS;

const PAST = /^past_key_values\.(\d{1,4})\.(key|value)$/;
const CACHE_AXES = "[batch, kvHeads, past, headDim]";

/** One cache: its input and output names. */
interface CacheSignature {
  readonly past: string;
  readonly present: string;
  readonly dtype: FloatDType;
  readonly heads: number;
  readonly headDim: number;
}

export interface DecoderSignature {
  /** Inputs other than caches, with type and rank. */
  readonly inputs: ReadonlyMap<
    DecoderInput,
    { readonly dtype: IntegerDType | "bool"; readonly rank: number }
  >;
  /** Empty for a graph without caches. */
  readonly caches: readonly CacheSignature[];
  readonly logits: FloatDType;
  /** Vocabulary size of the logits, if the graph declares it. */
  readonly vocabularySize: number | undefined;
}

/**
 * Reads the signature of a graph.
 *
 * @throws SlmError DATA_INVALID naming an input or output that is missing, unknown, or has an unexpected type or rank.
 */
export function decoderSignature({ inputs, outputs }: ModelOutline, where: string): DecoderSignature {
  const known = new Map<DecoderInput, { readonly dtype: IntegerDType | "bool"; readonly rank: number }>();
  const caches: CacheSignature[] = [];
  const given = new Map(outputs.map((value) => [value.name, value]));
  for (const value of inputs) {
    const { name } = value;
    if (Object.hasOwn(INPUTS, name)) known.set(name as DecoderInput, plainInput(value, where));
    else if (PAST.test(name)) caches.push(cacheOf(value, given, where));
    else
      throw rejection(where, `input '${shorten(name)}' is not a known input of decoder-only language models`);
  }
  if (!known.has("input_ids")) throw rejection(where, "input 'input_ids' is missing");
  requireWholeLayers(caches, where);
  const logits = given.get("logits");
  if (logits === undefined) throw rejection(where, "output 'logits' is missing");
  const size = logits.shape?.at(-1);
  return {
    inputs: known,
    caches,
    logits: oneOf(logits, FLOATS, where),
    vocabularySize: typeof size === "number" ? size : undefined,
  };
}

function plainInput(
  value: UntypedValue,
  where: string,
): { readonly dtype: IntegerDType | "bool"; readonly rank: number } {
  const { dtypes, ranks }: { dtypes: readonly (IntegerDType | "bool")[]; ranks: readonly number[] } =
    INPUTS[value.name as DecoderInput];
  const dtype = oneOf(value, dtypes, where);
  const rank = value.shape?.length ?? ranks[0]!;
  if (ranks.includes(rank)) return { dtype, rank };
  throw rejection(where, `input '${value.name}' has ${rank} axes, expected ${ranks.join(" or ")}`);
}

function cacheOf(
  value: UntypedValue,
  outputs: ReadonlyMap<string, UntypedValue>,
  where: string,
): CacheSignature {
  const { name: past, shape } = value;
  const present = past.replace("past_key_values", "present");
  const output = outputs.get(present);
  if (output === undefined) throw rejection(where, `input '${past}' has no output '${present}'`);
  const dtype = oneOf(value, FLOATS, where);
  if (output.dtype !== undefined && output.dtype !== dtype)
    throw rejection(where, `'${past}' is ${dtype}, but '${present}' is ${output.dtype}`);
  const [, heads, , headDim] = shape ?? [];
  if (shape?.length !== 4 || typeof heads !== "number" || typeof headDim !== "number")
    throw rejection(where, `input '${past}' should be ${CACHE_AXES} with numbers for kvHeads and headDim`);
  return { past, present, dtype, heads, headDim };
}

/** Checks that all layers, numbered from 0, have a key and a value. */
function requireWholeLayers(caches: readonly CacheSignature[], where: string): void {
  const names = new Set(caches.map(({ past }) => past));
  const layers = Math.ceil(caches.length / 2);
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ["key", "value"]) {
      const name = `past_key_values.${layer}.${part}`;
      if (!names.has(name))
        throw rejection(where, `there are ${caches.length} caches, but input '${name}' is missing`);
    }
  }
}

function oneOf<Known extends OnnxDType>(
  { name, dtype }: UntypedValue,
  known: readonly Known[],
  where: string,
): Known {
  const found = known.find((candidate) => candidate === dtype);
  if (found !== undefined) return found;
  throw rejection(
    where,
    `'${shorten(name)}' is ${dtype ?? "of unknown type"}, expected ${known.join(" or ")}`,
  );
}

const rejection = (where: string, message: string): SlmError =>
  new SlmError("DATA_INVALID", `teacher: ${where}: ${message}`, {
    context: { file: where },
    suggestions: ["export the model with optimum: optimum-cli export onnx --task text-generation-with-past"],
  });
