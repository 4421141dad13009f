/**
 * Files beside the graphs of layout transformers.js: a configuration and a tokenizer in the words of Hugging Face's
 * libraries. The model is declared as `t5`, the one encoder-decoder whose loading asks for nothing this model lacks.
 *
 * Source: @huggingface/transformers 4.3.1 (configs.js, models/session.js, generation/configuration_utils.js).
 */
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeFailure } from "@slm/artifact";
import { CONFIG_FILE, type EncoderDecoderConfig } from "@slm/model";
import {
  readTokenizerFiles,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  type TokenizerFiles,
} from "@slm/tokenizer";
import type { WrittenGraph } from "../graphs/write-graphs.js";
import type { LayoutSource } from "./native-layout.js";

/** Writes config.json, generation_config.json and the tokenizer's files. @throws SlmError OUTPUT_FAILED */
export async function writeTransformersFiles(
  outputDirectory: string,
  { config, tokenizerDirectory }: LayoutSource & { readonly config: EncoderDecoderConfig },
  graphs: readonly WrittenGraph[],
): Promise<void> {
  const tokenizer = await readTokenizerFiles(tokenizerDirectory);
  const files: Readonly<Record<string, object>> = {
    [CONFIG_FILE]: modelConfig(config, graphs),
    "generation_config.json": generationConfig(config),
    [TOKENIZER_FILE]: sourceTokenizer(tokenizer),
    [TOKENIZER_CONFIG_FILE]: tokenizerConfig(tokenizer, config),
  };
  try {
    await mkdir(outputDirectory, { recursive: true });
    for (const [file, value] of Object.entries(files))
      await writeFile(join(outputDirectory, file), `${JSON.stringify(value, null, 2)}\n`);
  } catch (cause) {
    throw writeFailure(cause, outputDirectory, "the directory is not complete");
  }
}

/** Decoding starts with the begin mark; the library pads finished rows. */
function specialTokens({ tokens }: EncoderDecoderConfig): Readonly<Record<string, number>> {
  return {
    decoder_start_token_id: tokens.bos,
    bos_token_id: tokens.bos,
    eos_token_id: tokens.eos,
    pad_token_id: tokens.pad,
  };
}

function modelConfig(config: EncoderDecoderConfig, graphs: readonly WrittenGraph[]): object {
  const outside = graphs.filter(({ weights }) => weights !== null).map(({ file }) => [basename(file), 1]);
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
    ...specialTokens(config),
    ...(outside.length === 0
      ? {}
      : { "transformers.js_config": { use_external_data_format: Object.fromEntries(outside) as object } }),
  };
}

function generationConfig(config: EncoderDecoderConfig): object {
  return { ...specialTokens(config), max_length: config.maxTarget, do_sample: false, num_beams: 1 };
}

/** Only sources are encoded in those libraries; where slm lower-cases them before, the file has to say so. */
function sourceTokenizer({ tokenizer, config }: TokenizerFiles): object {
  const isLowercase = config.source.lowercase && (tokenizer.normalizer ?? null) === null;
  return isLowercase ? { ...tokenizer, normalizer: { type: "Lowercase" } } : tokenizer;
}

function tokenizerConfig({ config }: TokenizerFiles, { maxSource }: EncoderDecoderConfig): object {
  return { ...config, tokenizer_class: "T5Tokenizer", model_max_length: maxSource, padding_side: "right" };
}
