/** Imports an external decoder-only model: into memory, or written to a checkpoint with one weight in memory at a time. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { parameterCount, type DecoderOnlyConfig, type Weights } from "@slm/model";
import { storedValues, WEIGHTS_FILE, writeModelConfig, type CheckpointDType } from "../checkpoint.js";
import { writeDeferredSafetensors, type DeferredTensor } from "../safetensors.js";
import { type ExternalCheckpoint } from "../external-checkpoint.js";
import type { HostTensor } from "@slm/runtime";
import { importConfig, type ImportOptions } from "./import-config.js";
import { selectRows, TOKEN_WEIGHTS } from "../vocabulary-rows.js";
import { importWeights, type ImportedWeight } from "./import-weights.js";

/**
 * Reads a whole model into memory, as float32.
 *
 * @throws SlmError CONFIG_INVALID for an architecture or setting that is not imported, SHAPE_MISMATCH for tensors that
 * are missing, have a wrong shape or are left over, DATA_INVALID for corrupt ones.
 */
export async function importDecoderOnly(
  external: ExternalCheckpoint,
  options: ImportOptions = {},
): Promise<{ readonly config: DecoderOnlyConfig; readonly weights: Weights }> {
  const imported = importConfig(external, options);
  const weights = new Map<string, HostTensor>();
  for (const weight of importWeights(external, imported)) weights.set(weight.name, await weight.read());
  return { config: imported.config, weights };
}

export interface WriteImportOptions extends ImportOptions {
  /** Stored type of matrices. Vectors (norms, biases) are always float32. */
  readonly dtype: CheckpointDType;
  /** Tokens of the external model that are kept, by new id; `tokens` are new ids. Default: all. */
  readonly vocabulary?: ArrayLike<number> | undefined;
}

/**
 * Writes config.json and model.safetensors into a directory that the caller publishes atomically.
 *
 * @throws SlmError as {@link importDecoderOnly}; DATA_INVALID for a number that the stored type cannot hold.
 */
export async function writeImported(
  external: ExternalCheckpoint,
  directory: string,
  { dtype, vocabulary, ...options }: WriteImportOptions,
): Promise<{ readonly config: DecoderOnlyConfig; readonly parameters: number }> {
  const imported = importConfig(external, options);
  const config =
    vocabulary === undefined ? imported.config : { ...imported.config, vocabularySize: vocabulary.length };
  const weights = importWeights(external, imported).map((weight) => ofVocabulary(weight, vocabulary));
  const stored = weights.map((weight): [string, DeferredTensor] => {
    const own = weight.shape.length === 1 ? "float32" : dtype;
    return [weight.name, { dtype: own, shape: weight.shape, pieces: () => storedPieces(weight, own) }];
  });
  await writeDeferredSafetensors(join(directory, WEIGHTS_FILE), new Map(stored));
  await writeModelConfig(directory, config);
  return { config, parameters: parameterCount(config) };
}

type StoredWeight = Pick<ImportedWeight, "name" | "shape" | "pieces">;

/** A weight with the rows of the kept tokens only, if its rows are tokens. */
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
        `import: weight '${weight.name}' holds ${beyond}, float16 holds numbers up to 65504`,
        { suggestions: ["--dtype float32", "--dtype bfloat16"] },
      );
    }
    yield storedValues(values, dtype);
  }
}
