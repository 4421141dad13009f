/** A directory with a model in Marian's own format: its weights, vocabulary, shortlist and decoder settings. */
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readFailure, readTextFile, resolveInside, SlmError } from "@slm/core";
import { parse } from "yaml";
import { z } from "zod";
import { CONFIG_FILE, type ExternalCheckpoint, type ExternalTensor, MARIAN_NMT } from "@slm/checkpoints";
import { readMarian, type MarianTensor } from "./marian-file.js";

/** The logit of the decoder's start token, which must never be generated. Marian has no such token. */
const NEVER = -10_000;

/** Ids of EOS and of unknown pieces in Marian's SentencePiece models. */
const [EOS, UNKNOWN] = [0, 1];

const MODEL = /^model.*\.bin$/;
const SETTINGS = /^config.*\.ya?ml$/;
/** Models in Marian's training format. */
const TRAINED = /\.npz$/;

/** The model's files by name. */
export interface MarianFiles {
  readonly model: string;
  /** A SentencePiece model for source and target. */
  readonly vocabulary: string;
  readonly shortlist: string | undefined;
  readonly decoder: DecoderSettings;
}

/** A file of decoder settings. Keys that only affect speed are ignored. */
const decoderSettings = z.looseObject({
  models: z.array(z.string()).length(1),
  vocabs: z.array(z.string()).min(1),
  shortlist: z.array(z.union([z.string(), z.boolean(), z.number()])).optional(),
  "beam-size": z.int().positive().max(1024).optional(),
  normalize: z.number().min(0).optional(),
  "word-penalty": z.literal(0).optional(),
});
type DecoderSettings = Pick<z.infer<typeof decoderSettings>, "beam-size" | "normalize">;

/** Whether a directory contains a model in Marian's binary or training format, and not a Hugging Face model. */
export function isMarianDirectory(directory: string): boolean {
  const names = readdirSync(directory);
  if (names.includes(CONFIG_FILE)) return false;
  const isPacked = names.some((name) => MODEL.test(name)) && names.some((name) => name.endsWith(".spm"));
  return isPacked || names.some((name) => TRAINED.test(name));
}

/**
 * The files of a model: those that `config*.yml` names, or the only ones of their kinds (`model*.bin`, `*.spm`, `lex*.bin`).
 *
 * @throws SlmError INPUT_MISSING without one of them; CONFIG_INVALID for more than one, or for different vocabularies; DATA_INVALID for a model
 * that is only in Marian's training format
 */
export async function marianFiles(directory: string): Promise<MarianFiles> {
  const names = await namesIn(directory);
  const trained = names.find((name) => TRAINED.test(name));
  if (trained !== undefined && !names.some((name) => MODEL.test(name)))
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: '${trained}' is in Marian's training format (.npz); expected the binary format, model*.bin`,
      { suggestions: [`marian-conv --from ${trained} --to model.bin`] },
    );
  const [settings, second] = names.filter((name) => SETTINGS.test(name));
  if (settings === undefined || second !== undefined) {
    return {
      model: join(directory, only(names, MODEL, { directory, what: "model*.bin" })),
      vocabulary: join(directory, only(names, /\.spm$/, { directory, what: "*.spm" })),
      shortlist: names.filter((name) => /^lex.*\.bin$/.test(name)).map((name) => join(directory, name))[0],
      decoder: {},
    };
  }
  const where = join(directory, settings);
  const { models, vocabs, shortlist, ...decoder } = parsedSettings(
    decoderSettings,
    await readTextFile(where),
    where,
  );
  if (new Set(vocabs).size > 1)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: vocabs of source and target differ, which is not supported`,
    );
  const [list] = shortlist ?? [];
  return {
    model: resolveInside(directory, models[0]!),
    vocabulary: resolveInside(directory, vocabs[0]!),
    shortlist: typeof list === "string" ? resolveInside(directory, list) : undefined,
    decoder,
  };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    throw readFailure(error, directory);
  }
}

function only(
  names: readonly string[],
  pattern: RegExp,
  { directory, what }: { readonly directory: string; readonly what: string },
): string {
  const [name, other] = names.filter((candidate) => pattern.test(candidate));
  if (name === undefined) throw new SlmError("INPUT_MISSING", `${directory} has no ${what}`);
  if (other === undefined) return name;
  throw new SlmError("CONFIG_INVALID", `${directory} has ${name} and ${other}, expected one ${what}`);
}

/** @throws SlmError CONFIG_INVALID if the text is not YAML, or for settings that are not supported */
function parsedSettings<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  where: string,
): z.infer<Schema> {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new SlmError("CONFIG_INVALID", `${where}: not YAML`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SlmError("CONFIG_INVALID", `${where}: ${z.prettifyError(parsed.error)}`);
}

/**
 * A model with 8-bit or float32 weights as an external checkpoint. Its embedding table gets one more row, of zeros: the decoder starts with this
 * token, where Marian starts without a token.
 *
 * @throws SlmError as {@link readMarian}, and CONFIG_INVALID for invalid settings of the model
 */
export async function readMarianModel({ model, decoder }: MarianFiles): Promise<ExternalCheckpoint> {
  const { settings, tensors } = await readMarian(model);
  const table = tensors.find(({ name }) => name === "Wemb");
  const start = table?.shape[0];
  if (start === undefined)
    throw new SlmError("CONFIG_INVALID", `${model}: there is no embedding table 'Wemb'`);
  const config = parsedSettings(z.record(z.string(), z.unknown()), settings, `${model}: special:model.yml`);
  return {
    where: model,
    config: {
      ...config,
      model_type: MARIAN_NMT,
      architectures: [MARIAN_NMT],
      vocabulary: start + 1,
      tokens: { pad: start, bos: start, eos: EOS, unknown: UNKNOWN },
    },
    generation: {
      eos_token_id: EOS,
      pad_token_id: start,
      decoder_start_token_id: start,
      num_beams: decoder["beam-size"] ?? 1,
      length_penalty: decoder.normalize ?? 0,
    },
    tensors: tensors.map(externalTensor),
  };
}

/** A tensor with outputs before inputs, as in PyTorch, and a row for the start token. */
function externalTensor(tensor: MarianTensor): ExternalTensor {
  const { name, shape, type } = tensor;
  const [rows = 1, columns = 1] = shape;
  if (name === "Wemb")
    return {
      name,
      shape: [rows + 1, columns],
      dtype: type,
      read: async () => extended(await tensor.read(), columns, 0),
    };
  if (name === "decoder_ff_logit_out_b")
    return {
      name,
      shape: [columns + 1],
      dtype: type,
      read: async () => extended(await tensor.read(), 1, NEVER),
    };
  if (rows === 1) return { name, shape: [columns], dtype: type, read: () => tensor.read() };
  return {
    name,
    shape: [columns, rows],
    dtype: type,
    // 8-bit matrices are stored outputs first, others inputs first.
    read: async () => {
      const values = await tensor.read();
      return type === "intgemm8" ? values : turned(values, columns);
    },
  };
}

function extended(values: Float32Array, count: number, value: number): Float32Array {
  const longer = new Float32Array(values.length + count).fill(value, values.length);
  longer.set(values);
  return longer;
}

/** Transposes rows of `columns` numbers. */
function turned(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  return values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]!);
}
