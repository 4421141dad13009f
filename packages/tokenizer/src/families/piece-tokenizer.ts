/** A tokenizer from SentencePiece pieces in memory, as GGUF files have them. */
import {
  DEFAULT_NORMALIZER,
  readSentencePieceModel,
  UNKNOWN_TEXT,
  type NormalizerSpec,
  type Piece,
} from "../sentencepiece/model-proto.js";
import { writeSentencePieceModel } from "../sentencepiece/write-model.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { base64Text } from "../text/utf8.js";
import { specialToken } from "./added-token.js";
import type { Around } from "./around.js";
import { assembleTokenizer, SENTINEL, type EncoderDecoderTokens } from "./assemble-tokenizer.js";
import type { NamedTokens } from "./family-table.js";
import { withModel } from "./read-vocabulary.js";

/** Spaces next to these tokens belong to them. */
const SENTINEL_SPACES = { lstrip: true, rstrip: true };

/** A SentencePiece model that was read from another format. */
interface PieceSource {
  /** The file, for error messages. */
  readonly where: string;
  /** Pieces with their ids. */
  readonly pieces: readonly (Piece & { readonly id: number })[];
  /** Tokens that are not pieces. */
  readonly added: readonly { readonly id: number; readonly text: string }[];
  readonly byteFallback: boolean;
  readonly normalizer: NormalizerSpec;
  readonly names: Pick<NamedTokens, "pad" | "eos" | "unknown">;
  /** Special tokens after every text. */
  readonly suffix: readonly string[];
  readonly tokens: EncoderDecoderTokens;
}

/** Creates the tokenizer of a Unigram model in memory. @throws SlmError DATA_INVALID if the model is invalid */
export function pieceTokenizer(source: PieceSource): TokenizerFiles {
  const { where, pieces, normalizer, byteFallback, tokens } = source;
  const bytes = writeSentencePieceModel({
    type: "unigram",
    pieces,
    byteFallback,
    whitespaceIsSuffix: false,
    unknownText: UNKNOWN_TEXT,
    normalizer,
    denormalizer: { ...DEFAULT_NORMALIZER, addDummyPrefix: false },
  });
  const model = readSentencePieceModel(bytes, where);
  const around: Around = { prefix: [], suffix: source.suffix };
  const names: NamedTokens = { ...source.names, masks: [] };
  const vocabulary = {
    ids: new Map(pieces.map(({ text, id }) => [text, id])),
    added: [
      ...pieces.flatMap(({ text, type, id }) =>
        type === "control" || type === "unknown" ? [specialToken(id, text)] : [],
      ),
      ...source.added.map(({ id, text }) =>
        SENTINEL.test(text)
          ? specialToken(id, text, SENTINEL_SPACES)
          : { ...specialToken(id, text), special: false },
      ),
    ],
  };
  const read = withModel(model, vocabulary, { source: base64Text(bytes) }, { names, around });
  return assembleTokenizer(read, around, names, {}, tokens);
}
