/** Imports GGUF files: any path to a file. */
import {
  configuredEos,
  encoderDecoderTokens,
  isPublishedEncoderDecoder,
  type ExternalModel,
  type Importer,
} from "@slm/checkpoints";
import { completeTokenizer } from "@slm/tokenizer";
import { readGguf } from "./file/gguf-file.js";
import { externalCheckpoint } from "./model/external-checkpoint.js";
import { ggufPieceTokenizer } from "./tokenizer/encoder-decoder-tokenizer.js";
import { ggufTokenizer } from "./tokenizer/gguf-tokenizer.js";

export const gguf: Importer = { fits: (_source, status) => status.isFile(), open: openGguf };

async function openGguf(source: string): Promise<ExternalModel> {
  const file = await readGguf(source);
  const checkpoint = await externalCheckpoint(file);
  if (isPublishedEncoderDecoder(checkpoint))
    return { checkpoint, tokenizer: ggufPieceTokenizer(file, encoderDecoderTokens(checkpoint)) };
  const { tokenizer, config } = ggufTokenizer(file);
  return { checkpoint, tokenizer: completeTokenizer(tokenizer, config, configuredEos(checkpoint), source) };
}
