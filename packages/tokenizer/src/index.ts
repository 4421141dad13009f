export { trainBpeTokenizer, type BpeOptions, type TextPair } from "./bpe-files.js";
export {
  completeTokenizer,
  fillVocabulary,
  readExternalTokenizer,
  type ExternalSpecialTokens,
} from "./external-tokenizer.js";
export { createTokenizer, loadTokenizer } from "./load-tokenizer.js";
export { tokenName, withPrompt, type SourcePrompt } from "./prompt.js";
export { SPECIAL_TOKENS } from "./special-tokens.js";
export { trainSymbolTokenizer, type SymbolTraining } from "./symbol-files.js";
export type { SpecialTokenIds, Tokenizer } from "./tokenizer.js";
export { loadTokenPieces, tokenPieces, type TokenPieces } from "./token-pieces.js";
export { tokenizerConfig, type TokenizerConfig } from "./tokenizer-config.js";
export {
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  readTokenizerFiles,
  writeTokenizer,
  type TokenizerConfigJson,
  type TokenizerFiles,
  type TokenizerJson,
} from "./tokenizer-files.js";
export { trainTokenizer } from "./train-tokenizer.js";
export {
  createChatTemplate,
  type ChatMessage,
  type ChatTemplate,
  type RenderOptions,
} from "./chat-template.js";
export { CHAT_TEMPLATE_FILE, loadChatTemplate } from "./load-chat-template.js";
