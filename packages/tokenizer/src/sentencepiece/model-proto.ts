/**
 * Reads a SentencePiece model: `spiece.model`, `sentencepiece.bpe.model`, `source.spm`. The file is one protobuf message; fields
 * that segmentation does not need are skipped.
 *
 * | message       | field | content                                                                                    |
 * | ------------- | ----- | ------------------------------------------------------------------------------------------ |
 * | ModelProto    | 1     | pieces: text (1), score (2), type (3)                                                      |
 * |               | 2     | TrainerSpec: model type (3), whitespace as suffix (24), byte fallback (35), text of <unk> (44) |
 * |               | 3, 5  | NormalizerSpec and its inverse: map of characters (2), dummy prefix (3), extra whitespace (4), escapes (5) |
 *
 * Source: SentencePiece 0.2, `sentencepiece_model.proto`.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { invalidModel } from "./invalid-model.js";

/** Longest piece [UTF-16 units]. SentencePiece learns up to 16 characters; user-defined symbols may be longer. */
export const MAX_PIECE_LENGTH = 512;
/** Most pieces; published models have up to 262,144. */
const MAX_PIECES = 4_000_000;
/** Longest text of an unknown token [bytes]. */
const MAX_UNKNOWN_TEXT = 256;

/** Types of pieces, in the order of the file's enumeration, from 1. */
export const PIECE_TYPES = ["normal", "unknown", "control", "user", "unused", "byte"] as const;
type PieceType = (typeof PIECE_TYPES)[number];

/** Types of models, in the order of the file's enumeration, from 1. */
export const MODEL_TYPES = ["unigram", "bpe", "word", "char"] as const;
export type ModelType = (typeof MODEL_TYPES)[number];

export interface Piece {
  readonly text: string;
  /** Log probability (unigram), or minus the rank of the merge (bpe); a float32. */
  readonly score: number;
  readonly type: PieceType;
}

export interface NormalizerSpec {
  /** Empty: characters stay as they are. */
  readonly characterMap: Uint8Array;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
}

export interface SentencePieceModel {
  readonly type: ModelType;
  readonly pieces: readonly Piece[];
  readonly byteFallback: boolean;
  /** Spaces end words instead of starting them. */
  readonly whitespaceIsSuffix: boolean;
  /** Decoded text of an unknown token. */
  readonly unknownText: string;
  readonly normalizer: NormalizerSpec;
  /** Applied to decoded text. */
  readonly denormalizer: NormalizerSpec;
}

/** The default of SentencePiece. */
export const UNKNOWN_TEXT = " \u2047 ";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Reads one field; returns false for an unknown field, which is skipped. */
type FieldReader = (field: number, wire: WireType, reader: BinaryReader) => boolean;

/**
 * Reads the model in `bytes`.
 *
 * @param where name of the file, for errors
 * @throws SlmError DATA_INVALID if the bytes are not a model, or exceed the limits above
 */
export function readSentencePieceModel(bytes: Uint8Array, where: string): SentencePieceModel {
  try {
    return readModel(bytes, where);
  } catch (cause) {
    // The library throws RangeError and Error for truncated or invalid bytes.
    if (cause instanceof Error && cause.name !== "SlmError") throw invalidModel(where, cause.message, cause);
    throw cause;
  }
}

function readModel(bytes: Uint8Array, where: string): SentencePieceModel {
  const pieces: Piece[] = [];
  const model: Mutable<SentencePieceModel> = {
    type: "unigram",
    pieces,
    byteFallback: false,
    whitespaceIsSuffix: false,
    unknownText: UNKNOWN_TEXT,
    normalizer: DEFAULT_NORMALIZER,
    denormalizer: { ...DEFAULT_NORMALIZER, addDummyPrefix: false },
  };
  readFields(bytes, (field, wire, reader) => {
    if (wire !== WireType.LengthDelimited) return false;
    if (field === 1) {
      if (pieces.length === MAX_PIECES) throw invalidModel(where, `more than ${MAX_PIECES} pieces`);
      pieces.push(readPiece(reader.bytes(), pieces.length, where));
    } else if (field === 2) readTrainer(reader.bytes(), model, where);
    else if (field === 3) model.normalizer = readNormalizer(reader.bytes(), model.normalizer);
    else if (field === 5) model.denormalizer = readNormalizer(reader.bytes(), model.denormalizer);
    else return false;
    return true;
  });
  if (pieces.length === 0) throw invalidModel(where, "it has no pieces");
  return model;
}

function readFields(bytes: Uint8Array, read: FieldReader): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!read(field, wire, reader)) reader.skip(wire, field);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readPiece(bytes: Uint8Array, index: number, where: string): Piece {
  const piece: Mutable<Piece> = { text: "", score: 0, type: "normal" };
  readFields(bytes, (field, wire, reader) => {
    if (field === 1 && wire === WireType.LengthDelimited) piece.text = utf8.decode(reader.bytes());
    else if (field === 2 && wire === WireType.Bit32) piece.score = reader.float();
    else if (field === 3 && wire === WireType.Varint)
      piece.type = nameOf(PIECE_TYPES, reader.int32(), `piece ${index} has type`, where);
    else return false;
    return true;
  });
  if (piece.text === "") throw invalidModel(where, `piece ${index} has no text`);
  if (piece.text.length > MAX_PIECE_LENGTH)
    throw invalidModel(where, `piece ${index} is longer than ${MAX_PIECE_LENGTH}`);
  if (!Number.isFinite(piece.score)) throw invalidModel(where, `piece ${index} has score ${piece.score}`);
  return piece;
}

function readTrainer(bytes: Uint8Array, model: Mutable<SentencePieceModel>, where: string): void {
  readFields(bytes, (field, wire, reader) => {
    if (field === 44 && wire === WireType.LengthDelimited) {
      const text = reader.bytes();
      if (text.length > MAX_UNKNOWN_TEXT) throw invalidModel(where, "the text of <unk> is too long");
      model.unknownText = utf8.decode(text);
      return true;
    }
    if (wire !== WireType.Varint) return false;
    if (field === 3) model.type = nameOf(MODEL_TYPES, reader.int32(), "the model has type", where);
    else if (field === 24) model.whitespaceIsSuffix = reader.bool();
    else if (field === 35) model.byteFallback = reader.bool();
    else return false;
    return true;
  });
}

export const DEFAULT_NORMALIZER: NormalizerSpec = {
  characterMap: new Uint8Array(),
  addDummyPrefix: true,
  removeExtraWhitespaces: true,
  escapeWhitespaces: true,
};

function readNormalizer(bytes: Uint8Array, before: NormalizerSpec): NormalizerSpec {
  const spec: Mutable<NormalizerSpec> = { ...before };
  readFields(bytes, (field, wire, reader) => {
    if (field === 2 && wire === WireType.LengthDelimited) spec.characterMap = reader.bytes();
    else if (wire !== WireType.Varint) return false;
    else if (field === 3) spec.addDummyPrefix = reader.bool();
    else if (field === 4) spec.removeExtraWhitespaces = reader.bool();
    else if (field === 5) spec.escapeWhitespaces = reader.bool();
    else return false;
    return true;
  });
  return spec;
}

function nameOf<Name extends string>(
  names: readonly Name[],
  number: number,
  what: string,
  where: string,
): Name {
  const name = names[number - 1];
  if (name === undefined) throw invalidModel(where, `${what} ${number}`);
  return name;
}
