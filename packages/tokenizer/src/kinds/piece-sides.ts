/** The vocabularies and SentencePiece models of a tokenizer's two sides. */
import { SlmError } from "@slm/core";
import { readSentencePieceModel, type SentencePieceModel } from "../sentencepiece/model-proto.js";
import { createProcessor, type SentencePieceProcessor } from "../sentencepiece/processor.js";
import { tokenTexts } from "../library/token-texts.js";
import type { SpecialTokenIds } from "../interface/tokenizer.js";
import type { TokenizerConfigJson, TokenizerFiles } from "../files/tokenizer-files.js";
import { base64Bytes } from "../text/utf8.js";

export type Side = "source" | "target";
export type PieceSettings = NonNullable<TokenizerConfigJson["sentencepiece"]>;

/** The vocabularies and the models of both sides, which are the same object if the sides share them. */
interface Sides {
  readonly source: Vocabulary;
  readonly target: Vocabulary;
  readonly ofSource: OpenedModel;
  readonly ofTarget: OpenedModel;
}

/** @throws SlmError DATA_INVALID if a model is invalid or a special token is not in the vocabulary. */
export function openSides(files: TokenizerFiles, settings: PieceSettings): Sides {
  const { config } = files;
  const source = vocabularyOf(tokenTexts(files), config);
  const target =
    config.target?.vocab === undefined ? source : vocabularyOf(textsOf(config.target.vocab), config);
  const ofSource = opened(settings.source, "source");
  const ofTarget = settings.target === undefined ? ofSource : opened(settings.target, "target");
  return { source, target, ofSource, ofTarget };
}

interface Vocabulary {
  readonly texts: readonly (string | undefined)[];
  readonly ids: ReadonlyMap<string, number>;
  readonly unknown: number;
  readonly special: SpecialTokenIds;
}

function vocabularyOf(texts: readonly (string | undefined)[], config: TokenizerConfigJson): Vocabulary {
  const ids = new Map(texts.flatMap((text, id) => (text === undefined ? [] : [[text, id] as const])));
  const idOf = (key: "pad_token" | "bos_token" | "eos_token" | "unk_token"): number => {
    const id = ids.get(config[key]);
    if (id !== undefined) return id;
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: ${key} of tokenizer_config.json is ${JSON.stringify(config[key])}, which is not in the vocabulary`,
      { context: { key, token: config[key] } },
    );
  };
  const unknown = idOf("unk_token");
  const special = { pad: idOf("pad_token"), bos: idOf("bos_token"), eos: idOf("eos_token"), unknown };
  return { texts, ids, unknown, special };
}

function textsOf(vocab: Readonly<Record<string, number>>): readonly (string | undefined)[] {
  const size = Object.values(vocab).reduce((most, id) => Math.max(most, id + 1), 0);
  const texts = new Array<string | undefined>(size).fill(undefined);
  for (const [text, id] of Object.entries(vocab)) texts[id] = text;
  return texts;
}

export interface OpenedModel extends SentencePieceProcessor {
  readonly model: SentencePieceModel;
}

function opened(text: string, side: Side): OpenedModel {
  const where = `sentencepiece.${side} of tokenizer_config.json`;
  const bytes = base64Bytes(text);
  if (bytes === undefined) throw new SlmError("DATA_INVALID", `tokenizer: ${where}: expected base64`);
  const model = readSentencePieceModel(bytes, where);
  return { model, ...createProcessor(model, where) };
}
