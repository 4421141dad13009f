/**
 * Writes the other files of layout transformers.js: a configuration and a tokenizer for Hugging Face's libraries. The model type is one
 * that the library can load without features that our models lack: `t5` for encoder-decoders, `qwen3`, which has a separate head size, for
 * decoder-only models, and `vision-encoder-decoder` for vision-language models.
 *
 * Source: @huggingface/transformers 4.3.1 (configs.js, models/session.js, generation/configuration_utils.js).
 */
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { externalDataSettings, type DeviceModel } from "@slm/exported-model";
import { makeFolder, writeFailure } from "@slm/core";
import { CONFIG_FILE } from "@slm/checkpoints";
import { GENERATION_FILE } from "@slm/generation";
import { type DecoderOnlyConfig, type EncoderDecoderConfig, type ModelConfig } from "@slm/model";
import { PREPROCESSOR_FILE } from "@slm/vision";
import {
  readTokenizerFiles,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  type TokenizerFiles,
} from "@slm/tokenizer";
import type { WrittenGraph } from "../graphs/write-graphs.js";
import { generationOf } from "./checkpoint-settings.js";
import type { LayoutSource } from "./write-native-files.js";
import { transformersTokenizer } from "./transformers-tokenizer.js";

/**
 * Writes config.json, generation_config.json and the tokenizer's files; for a vision-language model also preprocessor_config.json.
 *
 * @throws SlmError OUTPUT_FAILED
 */
export async function writeTransformersFiles(
  outputDirectory: string,
  { config, tokenizerDirectory }: LayoutSource,
  graphs: readonly WrittenGraph[],
): Promise<void> {
  const tokenizer = await readTokenizerFiles(tokenizerDirectory);
  const generation = await generationOf(tokenizerDirectory);
  const files =
    config.architecture === "decoder-only"
      ? decoderOnlyFiles(config, tokenizer, generation)
      : encoderDecoderFiles(config, tokenizer, generation);
  const outside = graphs.filter(({ weights }) => weights !== null).map(({ file }) => basename(file));
  const external = externalDataSettings(outside);
  const written = { ...files, [CONFIG_FILE]: { ...files[CONFIG_FILE], ...external } };
  try {
    await makeFolder(outputDirectory);
    for (const [file, value] of Object.entries(written))
      await writeFile(join(outputDirectory, file), `${JSON.stringify(value, null, 2)}\n`);
  } catch (cause) {
    throw writeFailure(cause, outputDirectory, "the directory is incomplete");
  }
}

type Files = Readonly<Record<string, object>>;
/** The model's own generation settings. The library uses the same names. */
type Generation = DeviceModel["generation"];

function encoderDecoderFiles(
  config: EncoderDecoderConfig,
  files: TokenizerFiles,
  generation: Generation,
): Files {
  // Decoding starts with the BOS token. The library pads finished rows.
  const marks = { decoder_start_token_id: config.tokens.bos, ...specialTokens(config) };
  const { tokenizer, tokenizerClass } = transformersTokenizer(files);
  return {
    [CONFIG_FILE]:
      config.vision === undefined ? encoderDecoderConfig(config, marks) : visionStudentConfig(config, marks),
    [GENERATION_FILE]: { ...settingsOf(generation, marks), max_length: config.maxTarget },
    [TOKENIZER_FILE]: tokenizer,
    [TOKENIZER_CONFIG_FILE]: {
      ...files.config,
      tokenizer_class: tokenizerClass,
      model_max_length: config.maxSource,
      padding_side: "right",
    },
    ...(config.vision === undefined ? {} : { [PREPROCESSOR_FILE]: AS_THEY_ARE }),
  };
}

/** Requests pixels from 0 to 255 in the image's own size. The encoder graph does the rest. */
const AS_THEY_ARE = {
  image_processor_type: "ViTImageProcessor",
  do_convert_rgb: true,
  do_resize: false,
  do_rescale: false,
  do_normalize: false,
} as const;

/** slm can still read the tokenizer: `source` of `tokenizer_config.json` keeps the text around sources. */
function decoderOnlyFiles(
  config: DecoderOnlyConfig,
  { tokenizer, config: own }: TokenizerFiles,
  generation: Generation,
): Files {
  const marks = specialTokens(config);
  return {
    [CONFIG_FILE]: decoderOnlyConfig(config, marks),
    [GENERATION_FILE]: { ...settingsOf(generation, marks), max_new_tokens: config.maxTarget },
    [TOKENIZER_FILE]: tokenizer,
    [TOKENIZER_CONFIG_FILE]: {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...own,
      model_max_length: config.maxSource + config.maxTarget,
      padding_side: "left",
    },
  };
}

/** The library has no beam search. */
const GREEDY = { do_sample: false, num_beams: 1 } as const;

type Marks = Readonly<Record<string, number>>;

/** A model can have several ids that end an answer. The other special ids are the checkpoint's. */
function settingsOf(generation: Generation, marks: Marks): object {
  const ends = generation?.["eos_token_id"] ?? marks["eos_token_id"];
  return { ...generation, ...marks, eos_token_id: ends, ...GREEDY };
}

function specialTokens({ tokens }: ModelConfig): Marks {
  return { bos_token_id: tokens.bos, eos_token_id: tokens.eos, pad_token_id: tokens.pad };
}

function encoderDecoderConfig(config: EncoderDecoderConfig, marks: Marks): object {
  return {
    architectures: ["T5ForConditionalGeneration"],
    model_type: "t5",
    is_encoder_decoder: true,
    d_model: config.width,
    d_kv: config.headDim,
    d_ff: config.feedForward,
    num_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    num_layers: config.encoderLayers,
    num_decoder_layers: config.decoderLayers,
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.maxSource,
    feed_forward_proj: "gelu_new",
    tie_word_embeddings: true,
    use_cache: true,
    ...marks,
  };
}

/** The library takes the number of cached layers from the decoder's configuration, and their shapes from the graph. */
function visionStudentConfig(config: EncoderDecoderConfig, marks: Marks): object {
  return {
    architectures: ["VisionEncoderDecoderModel"],
    model_type: "vision-encoder-decoder",
    is_encoder_decoder: true,
    encoder: { model_type: "vit", hidden_size: config.width },
    decoder: {
      model_type: "trocr",
      d_model: config.width,
      decoder_layers: config.decoderLayers,
      decoder_attention_heads: config.heads,
      decoder_ffn_dim: config.feedForward,
      vocab_size: config.vocabularySize,
      max_position_embeddings: config.maxTarget,
      ...marks,
    },
    tie_word_embeddings: false,
    use_cache: true,
    ...marks,
  };
}

function decoderOnlyConfig(config: DecoderOnlyConfig, marks: Marks): object {
  return {
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    is_encoder_decoder: false,
    hidden_size: config.width,
    head_dim: config.headDim,
    intermediate_size: config.feedForward,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    num_hidden_layers: config.decoderLayers,
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.maxSource + config.maxTarget,
    use_cache: true,
    ...marks,
  };
}
