/** Writes the fields of a SentencePiece model that `readSentencePieceModel` reads. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  MODEL_TYPES,
  PIECE_TYPES,
  type NormalizerSpec,
  type Piece,
  type SentencePieceModel,
} from "./model-proto.js";

/** Returns the bytes of a model file. Source: SentencePiece 0.2, `sentencepiece_model.proto`. */
export function writeSentencePieceModel(model: SentencePieceModel): Uint8Array {
  const writer = new BinaryWriter();
  for (const piece of model.pieces)
    message(writer, 1, (fields) => {
      writePiece(fields, piece);
    });
  message(writer, 2, (fields) => {
    fields.tag(3, WireType.Varint).int32(MODEL_TYPES.indexOf(model.type) + 1);
    fields.tag(24, WireType.Varint).bool(model.whitespaceIsSuffix);
    fields.tag(35, WireType.Varint).bool(model.byteFallback);
    fields.tag(44, WireType.LengthDelimited).string(model.unknownText);
  });
  message(writer, 3, (fields) => {
    writeNormalizer(fields, model.normalizer);
  });
  message(writer, 5, (fields) => {
    writeNormalizer(fields, model.denormalizer);
  });
  return writer.finish();
}

function message(writer: BinaryWriter, field: number, write: (fields: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function writePiece(fields: BinaryWriter, { text, score, type }: Piece): void {
  fields.tag(1, WireType.LengthDelimited).string(text);
  fields.tag(2, WireType.Bit32).float(score);
  fields.tag(3, WireType.Varint).int32(PIECE_TYPES.indexOf(type) + 1);
}

function writeNormalizer(fields: BinaryWriter, spec: NormalizerSpec): void {
  if (spec.characterMap.length > 0) fields.tag(2, WireType.LengthDelimited).bytes(spec.characterMap);
  fields.tag(3, WireType.Varint).bool(spec.addDummyPrefix);
  fields.tag(4, WireType.Varint).bool(spec.removeExtraWhitespaces);
  fields.tag(5, WireType.Varint).bool(spec.escapeWhitespaces);
}
