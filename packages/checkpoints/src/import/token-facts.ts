/** Token settings in a model's own configuration, for readers of its tokenizer. */
import { parseGenerationSettings } from "@slm/generation";
import type { EncoderDecoderTokens } from "@slm/tokenizer";
import type { ExternalCheckpoint } from "../external-checkpoint.js";
import { importedConfig, importedGeneration } from "./import-checkpoint.js";

/** Token settings of an encoder-decoder. @throws SlmError as `importedConfig` */
export function encoderDecoderTokens(checkpoint: ExternalCheckpoint): EncoderDecoderTokens {
  const { config, where } = checkpoint;
  const { tokens } = importedConfig(checkpoint);
  const text = (key: string): string | undefined =>
    typeof config[key] === "string" ? config[key] : undefined;
  const { rules } = parseGenerationSettings(importedGeneration(checkpoint) ?? {}, where);
  return {
    modelType: text("model_type") ?? "",
    tokenizerClass: text("tokenizer_class"),
    decoderStart: tokens.bos,
    forcedBos: rules.forcedFirst,
    eos: tokens.eos,
    pad: tokens.pad,
  };
}

/** The EOS token, for tokenizers that do not name one. */
export function configuredEos({ config }: Pick<ExternalCheckpoint, "config">): { readonly eos?: number } {
  const eos = config["eos_token_id"];
  const first: unknown = Array.isArray(eos) ? eos[0] : eos;
  return typeof first === "number" ? { eos: first } : {};
}
