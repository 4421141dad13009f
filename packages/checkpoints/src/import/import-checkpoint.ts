/** Imports an external model: into memory, or written to a checkpoint with one weight in memory at a time. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GENERATION_FILE, parseGenerationSettings } from "@slm/generation";
import { SlmError } from "@slm/core";
import {
  parameterCount,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import type { HostTensor } from "@slm/runtime";
import { storedValues, writeModelConfig, type CheckpointDType } from "../checkpoint.js";
import type { DeferredTensor } from "../safetensors.js";
import { writeWeights } from "../weight-files.js";
import { type ExternalCheckpoint } from "../external-checkpoint.js";
import { importConfig, type ImportOptions } from "./mapping/import-config.js";
import { selectRows, TOKEN_WEIGHTS } from "../vocabulary-rows.js";
import { isPublishedEncoderDecoder, publishedModel } from "./encoder-decoder/families.js";
import { publishedWeights } from "./encoder-decoder/published-model.js";
import { importWeights, type ImportedWeight, type WeightPlan } from "./mapping/import-weights.js";
import { weightSources } from "./mapping/weight-sources.js";

/** An external model before its weights are read. */
interface ImportedModel<Config extends ModelConfig> {
  readonly config: Config;
  readonly plan: WeightPlan;
}

/** Keys of config.json with generation settings, from before models had a separate file for them. */
const GENERATION_KEYS = [
  "bos_token_id",
  "eos_token_id",
  "pad_token_id",
  "decoder_start_token_id",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "num_beams",
  "length_penalty",
  "early_stopping",
  "no_repeat_ngram_size",
  "repetition_penalty",
  "bad_words_ids",
  "min_length",
  "max_length",
  "suppress_tokens",
  "begin_suppress_tokens",
] as const;

/**
 * The generation settings of a published encoder-decoder: from its generation_config.json, or otherwise from its config.json. Undefined for
 * decoder-only models, for which requests contain the settings.
 *
 * @throws SlmError CONFIG_INVALID for settings that are not supported
 */
export function importedGeneration(
  external: ExternalCheckpoint,
): Readonly<Record<string, unknown>> | undefined {
  if (!isPublishedEncoderDecoder(external)) return undefined;
  const { where, config, generation } = external;
  const settings =
    generation ??
    Object.fromEntries(GENERATION_KEYS.flatMap((key) => (key in config ? [[key, config[key]]] : [])));
  parseGenerationSettings(
    settings,
    `${where}: ${generation === undefined ? "config.json" : GENERATION_FILE}`,
  );
  return settings;
}

/** A decoder-only model. @throws SlmError CONFIG_INVALID for an architecture or setting that is not supported */
function decoderOnlyModel(
  external: ExternalCheckpoint,
  options: ImportOptions,
): ImportedModel<DecoderOnlyConfig> {
  const imported = importConfig(external, options);
  const isTied = imported.config.tieWordEmbeddings !== false;
  const isIgnored = (name: string): boolean => isTied && name === "lm_head.weight";
  return { config: imported.config, plan: { sources: weightSources(imported), isIgnored } };
}

/** A model of any family. @throws SlmError CONFIG_INVALID for an architecture or setting that is not supported */
function importedModel(external: ExternalCheckpoint, options: ImportOptions): ImportedModel<ModelConfig> {
  if (!isPublishedEncoderDecoder(external)) return decoderOnlyModel(external, options);
  const model = publishedModel(external, options);
  return { config: model.config, plan: publishedWeights(model, external) };
}

/** The configuration of an external model of any family. @throws SlmError CONFIG_INVALID for settings that are not supported */
export const importedConfig = (external: ExternalCheckpoint, options: ImportOptions = {}): ModelConfig =>
  importedModel(external, options).config;

async function readWeights(external: ExternalCheckpoint, plan: WeightPlan): Promise<Weights> {
  const weights = new Map<string, HostTensor>();
  for (const weight of importWeights(external, plan)) weights.set(weight.name, await weight.read());
  return weights;
}

/**
 * Reads a whole decoder-only model into memory, as float32.
 *
 * @throws SlmError CONFIG_INVALID for an architecture or setting that is not supported, SHAPE_MISMATCH for tensors that are missing, unused or
 * have a wrong shape, DATA_INVALID for corrupt ones.
 */
export async function importDecoderOnly(
  external: ExternalCheckpoint,
  options: ImportOptions = {},
): Promise<{ readonly config: DecoderOnlyConfig; readonly weights: Weights }> {
  const { config, plan } = decoderOnlyModel(external, options);
  return { config, weights: await readWeights(external, plan) };
}

/** Like {@link importDecoderOnly}, for a published encoder-decoder. */
export async function importEncoderDecoder(
  external: ExternalCheckpoint,
  options: ImportOptions = {},
): Promise<{ readonly config: EncoderDecoderConfig; readonly weights: Weights }> {
  const model = publishedModel(external, options);
  return { config: model.config, weights: await readWeights(external, publishedWeights(model, external)) };
}

export interface WriteImportOptions extends ImportOptions {
  /** Stored type of matrices. Vectors (norms, biases) are always float32. */
  readonly dtype: CheckpointDType;
  /** Tokens of the external model to keep, by new id; `tokens` are new ids. Default: all. */
  readonly vocabulary?: ArrayLike<number> | undefined;
}

/**
 * Writes config.json, the weights and the generation settings of encoder-decoders into a directory that the caller publishes atomically.
 *
 * @throws SlmError as {@link importDecoderOnly}; DATA_INVALID for a number outside the range of the stored type.
 */
export async function writeImported(
  external: ExternalCheckpoint,
  directory: string,
  { dtype, vocabulary, ...options }: WriteImportOptions,
): Promise<{ readonly config: ModelConfig; readonly parameters: number }> {
  const imported = importedModel(external, options);
  const config =
    vocabulary === undefined ? imported.config : { ...imported.config, vocabularySize: vocabulary.length };
  const weights = importWeights(external, imported.plan).map((weight) => ofVocabulary(weight, vocabulary));
  const stored = weights.map((weight): [string, DeferredTensor] => {
    const own = weight.shape.length === 1 ? "float32" : dtype;
    return [weight.name, { dtype: own, shape: weight.shape, pieces: () => storedPieces(weight, own) }];
  });
  await writeWeights(directory, new Map(stored));
  await writeModelConfig(directory, config);
  const generation = importedGeneration(external);
  if (generation !== undefined)
    await writeFile(join(directory, GENERATION_FILE), `${JSON.stringify(generation, null, 2)}\n`);
  return { config, parameters: parameterCount(config) };
}

type StoredWeight = Pick<ImportedWeight, "name" | "shape" | "pieces">;

/** A weight with only the rows of the kept tokens, if its rows are tokens. */
function ofVocabulary(weight: StoredWeight, vocabulary: ArrayLike<number> | undefined): StoredWeight {
  const { name, shape } = weight;
  if (vocabulary === undefined || !TOKEN_WEIGHTS.has(name)) return weight;
  const columns = shape[1]!;
  const make = (length: number): Float32Array => new Float32Array(length);
  return {
    name,
    shape: [vocabulary.length, columns],
    pieces: async function* () {
      yield await selectRows(weight.pieces(), vocabulary, columns, make);
    },
  };
}

/** Numbers from here on round to infinity in float16. */
const FLOAT16_OVERFLOW = 65_520;

async function* storedPieces(
  weight: StoredWeight,
  dtype: CheckpointDType,
): AsyncGenerator<HostTensor["data"]> {
  for await (const values of weight.pieces()) {
    const beyond =
      dtype === "float16" ? values.find((value) => Math.abs(value) >= FLOAT16_OVERFLOW) : undefined;
    if (beyond !== undefined) {
      throw new SlmError(
        "DATA_INVALID",
        `import: weight '${weight.name}' contains ${beyond}, float16 supports numbers up to 65504`,
        { suggestions: ["--dtype float32", "--dtype bfloat16"] },
      );
    }
    yield storedValues(values, dtype);
  }
}
