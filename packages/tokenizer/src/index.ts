export { trainBpeTokenizer } from "./bpe-files.js";
export { answerOpening, type AnswerOpening } from "./answer-opening.js";
export { completeTokenizer, fillVocabulary, readExternalTokenizer } from "./external-tokenizer.js";
export { createTokenizer, loadTokenizer } from "./load-tokenizer.js";
export { vocabularySize } from "./library-tokenizer.js";
export { withPrompt, type SourcePrompt } from "./prompt.js";
export { SPECIAL_TOKENS } from "./special-tokens.js";
export { trainSymbolTokenizer } from "./symbol-files.js";
export { addedTexts, prefixTexts, type AddedTexts, type Decoder } from "./added-texts.js";
export type { LanguagePair, SpecialTokenIds, Tokenizer, TokenizerLanguages } from "./tokenizer.js";
export { loadTokenPieces, tokenPieces, type TokenPieces } from "./token-pieces.js";
export { bareTokenizer } from "./pretrained/bare-tokenizer.js";
export { pruneTokenizer, type CorpusText, type PruneReport } from "./pretrained/prune-tokenizer.js";
export { pruneConfig, type PruneConfig } from "./pretrained/prune-config.js";
export { shareVocabulary, type SharedVocabulary } from "./pretrained/share-vocabulary.js";
export { tokenTexts } from "./token-texts.js";
export { sourceLookup, tokensAroundSource } from "./tokens-around.js";
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
} from "./tokenizer-files.js";
export { trainTokenizer } from "./train-tokenizer.js";
export { createChatTemplate, type ChatMessage, type ChatTemplate } from "./chat-template.js";
export { CHAT_TEMPLATE_FILE, loadChatTemplate } from "./load-chat-template.js";
export type { Piece } from "./sentencepiece/model-proto.js";
export {
  pieceTokenizer,
  readEncoderDecoderTokenizer,
  readMarianTokenizer,
  type EncoderDecoderTokens,
} from "./families/read-encoder-decoder-tokenizer.js";
