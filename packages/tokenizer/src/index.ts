export { trainBpeTokenizer } from "./bpe-files.js";
export { completeTokenizer, fillVocabulary, readExternalTokenizer } from "./external-tokenizer.js";
export { createTokenizer, loadTokenizer } from "./load-tokenizer.js";
export { withPrompt, type SourcePrompt } from "./prompt.js";
export { SPECIAL_TOKENS } from "./special-tokens.js";
export { trainSymbolTokenizer } from "./symbol-files.js";
export { prefixTexts, tokenTexts, type Decoder, type TokenTexts } from "./token-texts.js";
export type { SpecialTokenIds, Tokenizer } from "./tokenizer.js";
export { loadTokenPieces, tokenPieces, type TokenPieces } from "./token-pieces.js";
export { tokenizerConfig, type TokenizerConfig } from "./tokenizer-config.js";
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
