export { addedTexts } from "./kinds/added-texts.js";
export { trainBpeTokenizer } from "./learn/bpe-files.js";
export { answerOpening, type AnswerOpening } from "./kinds/answer-opening.js";
export { completeTokenizer, fillVocabulary, readExternalTokenizer } from "./external-tokenizer.js";
export { createTokenizer } from "./create-tokenizer.js";
export { loadTokenizer, openTokenizer } from "./load-tokenizer.js";
export { vocabularySize } from "./library/library-tokenizer.js";
export { withPrompt, type SourcePrompt } from "./prompt.js";
export { SPECIAL_TOKENS } from "./files/special-tokens.js";
export { trainSymbolTokenizer } from "./learn/symbol-files.js";
export type { LanguagePair, SpecialTokenIds, Tokenizer, TokenizerLanguages } from "./interface/tokenizer.js";
export { tokenPieces, type TokenPieces } from "./library/token-pieces.js";
export { bareTokenizer } from "./pretrained/bare-tokenizer.js";
export { pruneTokenizer, type CorpusText, type PruneReport } from "./pretrained/prune-tokenizer.js";
export { pruneConfig, SOURCE_MARK, type PruneConfig } from "./pretrained/prune-config.js";
export { shareVocabulary } from "./pretrained/share-vocabulary.js";
export { tokenTexts } from "./library/token-texts.js";
export { byteVocabulary, type ByteVocabulary } from "./kinds/byte-vocabulary.js";
export { trainedVocabulary, type TrainedVocabulary } from "./kinds/trained-vocabulary.js";
export { unigramVocabulary } from "./kinds/unigram-vocabulary.js";
export type { TokenText, UnigramVocabulary } from "./kinds/unigram-form.js";
export { sourceLookup, tokensAroundSource } from "./kinds/tokens-around.js";
export {
  tokenizerConfig,
  type PretrainedTokenizerConfig,
  type TokenizerConfig,
  type TrainedTokenizerConfig,
} from "./tokenizer-config.js";
export {
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  readTokenizerFiles,
  writeTokenizer,
  type TokenizerFiles,
  type TokenizerJson,
} from "./files/tokenizer-files.js";
export { trainTokenizer } from "./train-tokenizer.js";
export { createChatTemplate, type ChatMessage, type ChatTemplate } from "./chat/chat-template.js";
export { CHAT_TEMPLATE_FILE, loadChatTemplate } from "./chat/load-chat-template.js";
export type { Piece } from "./sentencepiece/model-proto.js";
export type { EncoderDecoderTokens } from "./families/assemble-tokenizer.js";
export { pieceTokenizer } from "./families/piece-tokenizer.js";
export {
  readEncoderDecoderTokenizer,
  readMarianTokenizer,
} from "./families/read-encoder-decoder-tokenizer.js";
